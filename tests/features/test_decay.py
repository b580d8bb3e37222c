from assets.features.decay import decay


def test_a_weight_is_halved_after_each_half_life_and_nothing_is_older():
    assert decay(2, 5).tolist() == [1.0, 2**-0.5, 0.5, 2**-1.5, 0.25]
