import pytest

from lambent.core.strict_json import parse_strict


@pytest.mark.parametrize("text", ['{"a": [1, 2.5, null, true], "b": {"a": "é"}}', '"\\ud83d\\ude00"', "null", " 1 "])
def test_json_is_read(text: str) -> None:
    parse_strict(text)


def test_halves_of_a_pair_that_belong_together_are_one_character() -> None:
    assert parse_strict('"\\ud83d\\ude00"') == "😀"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "{} {}",
        '{"a": 1, "a": 1}',
        '{"a": {"b": 1, "b": 2}}',
        "NaN",
        "[-Infinity]",
        '"\\ud800"',
        '{"\\udfff": 1}',
        "[" * 100_000,
        "9" * 5_000,
        "\ufeff{}",
    ],
)
def test_what_is_ambiguous_or_can_not_be_written_is_not(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_strict(text)
