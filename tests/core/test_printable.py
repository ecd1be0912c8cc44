from hypothesis import given
from hypothesis import strategies as st

from leanpose.core.errors import ModelError
from leanpose.core.printable import printable


@given(st.text())
def test_nothing_that_a_terminal_obeys_is_left(text):
    shown = printable(text)
    assert not any((ord(c) < 32 and c not in "\t\n") or 127 <= ord(c) < 160 for c in shown)
    assert printable(shown) == shown


@given(st.text(st.characters(whitelist_categories=("L", "N", "P", "Zs"))))
def test_letters_of_every_script_stay(text):
    assert printable(text) == text


def test_errors_are_printable():
    assert str(ModelError("a\x1b]0;title\x07b\u202ec")) == "a\\x1b]0;title\\x07b\\u202ec"
