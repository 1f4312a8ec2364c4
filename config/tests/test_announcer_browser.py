"""What a screen reader hears: each thing that happens, one after the other, and soon."""

import pytest

from config.tests.conftest import Talk

pytestmark = [pytest.mark.browser, pytest.mark.processes]


def heard_of(talk: Talk, *said: str) -> list[str]:
    """Return the first three things that are heard when all of these are said in the same moment."""
    heard: list[str] = talk.chat().evaluate(
        """async (said) => {
        const { announcer } = await import("/static/js/announcer.js");
        const [region, heard] = [document.createElement("p"), []];
        await new Promise((done) => {
            const hear = () => region.textContent && heard.push(region.textContent) === 3 && done();
            new MutationObserver(hear).observe(region, { childList: true });
            said.forEach(announcer(region));
        });
        return heard;
    }""",
        list(said),
    )
    return heard


def test_what_happens_in_the_same_moment_is_said_one_after_the_other(talk: Talk) -> None:
    assert heard_of(talk, "One.", "Two.", "Two.") == ["One.", "Two.", "Two."]


def test_what_happens_a_moment_later_does_not_cut_off_what_is_being_said(talk: Talk) -> None:
    first, second = talk.chat().evaluate("""async () => {
        const { announcer } = await import("/static/js/announcer.js");
        const [region, times] = [document.createElement("p"), []];
        const announce = announcer(region);
        await new Promise((done) => {
            const hear = () => {
                if (!region.textContent) return;
                if (times.push(performance.now()) === 2) done();
                else announce("Two.");
            };
            new MutationObserver(hear).observe(region, { childList: true });
            announce("One.");
        });
        return times;
    }""")
    assert second - first >= 600


def test_of_much_that_happens_at_once_the_last_is_said_soon(talk: Talk) -> None:
    assert heard_of(talk, "One.", "Two.", "Three.", "Four.", "Five.") == ["Three.", "Four.", "Five."]
