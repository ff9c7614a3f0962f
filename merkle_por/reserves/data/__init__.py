"""Facts about coins that the lists name."""
