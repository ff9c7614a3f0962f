"""Zero-knowledge proof systems: engines that know no exchange."""
