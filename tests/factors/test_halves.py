from hypothesis import given
from hypothesis import strategies as st

from assets.factors.ask import Ask
from assets.factors.halves import halves_for


@given(st.lists(st.integers(1, 300), min_size=1, max_size=5))
def test_every_window_is_made_of_its_later_and_its_earlier_half(windows):
    plan = halves_for([Ask(0, window) for window in windows])
    assert plan.lengths[0] == 1
    for place, length in enumerate(plan.lengths[1:], start=1):
        later, earlier = plan.lengths[plan.later[place]], plan.lengths[plan.earlier[place]]
        assert later + earlier == length
        assert later - earlier in (0, 1)
        assert plan.later[place] < place
    assert [plan.lengths[level] for level in plan.levels] == windows


def test_the_five_windows_need_eleven_steps():
    plan = halves_for([Ask(0, window) for window in (5, 10, 20, 30, 60)])
    assert plan.lengths.tolist() == [1, 2, 3, 4, 5, 7, 8, 10, 15, 20, 30, 60]
