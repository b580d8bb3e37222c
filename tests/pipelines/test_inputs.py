from pipelines.inputs import argument, whole, whole_by_key
from pipelines.reach import Every


def test_a_whole_input_reads_every_partition_and_counts_unless_told_otherwise():
    assert whole({"bars": "cleaning/bars"}) == {"bars": ("cleaning/bars", Every(), True)}
    assert whole({"bars": "cleaning/bars"}, counts=False) == {"bars": ("cleaning/bars", Every(), False)}


def test_by_key_the_name_is_the_key_as_an_argument():
    assert argument("experiments/a/forecasts") == "experiments_a_forecasts"
    assert whole_by_key(["cleaning/bars"]) == {"cleaning_bars": ("cleaning/bars", Every(), True)}
