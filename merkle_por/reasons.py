"""The one table of class names ("reasons") for everything that can be wrong with a file.

Kebab-case; the specs' and manifests' spellings differ a little, this family is the project's.
Each has one sentence: what was seen, in the field's own terms. docs/reasons.md is made from it.
Keep the list sorted.
"""

REASONS: dict[str, str] = {
    "bad-amount": "an amount is not written as a plain decimal of the scheme's form",
    "bad-field": "a text field holds something its format does not allow",
    "bad-hash": "a hash is not the right number of lower-case hexadecimal digits",
    "bad-json": "the text is not JSON",
    "bad-keys": "a member is missing, unknown or in the wrong place",
    "bad-number": "a number is not an integer of the allowed range",
    "bad-row": "a row does not have the form its format demands",
    "bad-utf8": "the text is not UTF-8",
    "duplicate-key": "a JSON object has the same key twice",
    "empty-file": "the file holds nothing to check",
    "missing-field": "a field that the scheme needs is missing",
    "nan": "NaN or Infinity where a number must stand",
    "too-big": "the input is larger than the limit",
    "too-deep": "the structure is nested deeper than the limit",
    "wrong-type": "a field has another JSON type than the scheme demands",
}
