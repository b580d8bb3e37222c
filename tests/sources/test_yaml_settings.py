import pytest
from pydantic import BaseModel, ConfigDict

from assets.sources.yaml_settings import read_mapping, read_yaml


class Lamp(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    watts: int
    colours: dict[str, int] = {}


def test_settings_are_read_and_read_again_when_they_change(tmp_path):
    place = tmp_path / "lamp.yaml"
    for watts in (40, 60):
        place.write_text(f"watts: {watts}\n")
        assert read_yaml(place, Lamp, "lamp").watts == watts


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("wats: 1\n", r"no valid lamp: *\n  watts: Field required\n  wats: .*known keys are \['colours', 'watts'\]"),
        ("watts: many\n", r"no valid lamp: watts: Input should be a valid integer.*, found 'many'"),
        ("watts: 1\ncolours: {red: 1, red: 2}\n", r"the key \['red'\] is written twice"),
        ("- 1\n", "it must hold lines 'key: value', found list"),
        ("watts: [\n", "no valid lamp: while parsing a flow"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path, text, said):
    (tmp_path / "lamp.yaml").write_text(text)
    with pytest.raises(ValueError, match=rf"lamp.yaml is [\s\S]*{said}"):
        read_yaml(tmp_path / "lamp.yaml", Lamp, "lamp")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"there is no file .*lamp.yaml; write the lamp there"):
        read_yaml(tmp_path / "lamp.yaml", Lamp, "lamp")


def test_what_is_given_holds_whatever_the_file_says(tmp_path):
    place = tmp_path / "lamp.yaml"
    place.write_text("watts: 40\n")
    assert read_yaml(place, Lamp, "lamp", given={"watts": 60}).watts == 60
    assert read_yaml(place, Lamp, "lamp").watts == 40


def test_a_file_without_a_setting_is_refused(tmp_path):
    (tmp_path / "lamp.yaml").write_text("# watts: 40\n")
    with pytest.raises(ValueError, match="it must hold lines 'key: value', found NoneType"):
        read_yaml(tmp_path / "lamp.yaml", Lamp, "lamp")


def test_settings_without_a_model_are_read_as_strictly(tmp_path):
    place = tmp_path / "lamp.yaml"
    with pytest.raises(ValueError, match=r"lamp.yaml is no valid lamp: .*No such file"):
        read_mapping(place, "lamp")
    place.write_text("watts: 40\nnew: {key: 1}\n")
    assert read_mapping(place, "lamp") == {"watts": 40, "new": {"key": 1}}
    place.write_text("watts: 40\nwatts: 60\n")
    with pytest.raises(ValueError, match=r"lamp.yaml is no valid lamp: the key \['watts'\] is written twice"):
        read_mapping(place, "lamp")


def test_what_is_read_may_be_changed_without_harm_to_the_next_reader(tmp_path):
    (tmp_path / "lamp.yaml").write_text("watts: 40\n")
    read_mapping(tmp_path / "lamp.yaml", "lamp").pop("watts")
    assert read_mapping(tmp_path / "lamp.yaml", "lamp") == {"watts": 40}
