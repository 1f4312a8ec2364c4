"""What in a message is taken for a student's, what is not, and what stands in for it."""

import pytest

from benchmarks.student_data import microseconds, samples, score
from coaching.policies.student_data import find, masked, replaced


def found(text: str) -> list[tuple[str, str]]:
    """Return the kind and the words of each finding."""
    return [(each.kind, each.of(text)) for each in find(text)]


class TestNames:
    @pytest.mark.parametrize(
        ("text", "name"),
        [
            ("My student Maria Lopez keeps interrupting.", "Maria Lopez"),
            ("a student named Aisha reads below grade level", "Aisha"),
            ("Tom, grade 3, has not read anything.", "Tom"),
            ("Jayden (4B) threw a chair.", "Jayden"),
            ("We talked about Liam's IEP.", "Liam"),
            ("sofia's mom called again", "sofia"),
            ("Devon was suspended on Friday.", "Devon"),
            ("The student\u2019s name is Marcus.", "Marcus"),
            ("Zo\u00eb has ADHD.", "Zo\u00eb"),
        ],
    )
    def test_beside_a_word_of_the_classroom_are_found(self, text: str, name: str) -> None:
        assert found(text) == [("name", name)]

    def test_are_found_again_wherever_they_stand(self) -> None:
        text = "My student Maria is new. Is it fair that Maria sits alone?"
        assert found(text) == [("name", "Maria"), ("name", "Maria")]

    def test_in_a_list_with_marks_are_found(self) -> None:
        text = "Olivia Brown, 45%\nEthan Park, 78%"
        assert found(text) == [("name", "Olivia Brown"), ("name", "Ethan Park")]

    @pytest.mark.parametrize(
        "text",
        [
            "How do I plan a first meeting with my team?",
            "How can Student A catch up?",
            "Our Student Council wants a say.",
            "My colleague Sarah teaches 5th grade.",
            "Ms. Lopez has a student who never speaks.",
            "I observed Maria's class today.",
            "Carol Dweck writes about mindset for kids.",
            "A student told me that she wants to die.",
            "I will mark the essays in May and hope for grace from the parents.",
        ],
    )
    def test_of_others_and_ordinary_words_are_left_alone(self, text: str) -> None:
        assert found(text) == []

    def test_carry_their_reason_in_words(self) -> None:
        assert [each.rule for each in find("Tom, grade 3, is late.")] == ["a name beside a grade or class"]


class TestEverythingElse:
    @pytest.mark.parametrize(
        ("text", "kind", "words"),
        [
            ("He was born on 12/03/2014.", "birth_date", "12/03/2014"),
            ("DOB: 2013-05-19", "birth_date", "2013-05-19"),
            ("Student ID 483920 is missing.", "id_number", "483920"),
            ("Roll no. 23 is late.", "id_number", "23"),
            ("078-05-1120", "id_number", "078-05-1120"),
            ("Write to ava.reyes@students.example.org", "email", "ava.reyes@students.example.org"),
            ("Call (555) 214-9987", "phone", "(555) 214-9987"),
            ("Call +44 7911 123456", "phone", "+44 7911 123456"),
        ],
    )
    def test_that_tells_who_a_student_is_gets_found(self, text: str, kind: str, words: str) -> None:
        assert found(text) == [(kind, words)]

    @pytest.mark.parametrize(
        "text", ["The 2023-2024 results went up by 52%.", "Pages 123-456, figure 3.2", "Call 555 0100 by 3."]
    )
    def test_other_numbers_are_left_alone(self, text: str) -> None:
        assert found(text) == []


class TestWhatStandsIn:
    def test_a_pseudonym_takes_the_place_of_each_name(self) -> None:
        text = "My student Maria hit Tom (4B). Maria's dad is at maria@home.example."
        assert (
            replaced(text, find(text), lambda name: f"<{name}>")
            == "My student <Maria> hit <Tom> (4B). <Maria>'s dad is at [email address]."
        )

    def test_what_a_provider_may_read_holds_nothing_that_was_found(self) -> None:
        plain = masked("My student Maria, born 3/4/2015, ID: S77310, scored 12.")
        assert plain == "My student a student, born [birth date], ID: [student number], scored 12."

    def test_no_name_of_a_long_list_stays(self) -> None:
        heads, tails = (
            ("Mar", "Jon", "Ter", "Kal", "Bor", "Dav", "Fel"),
            ("ia", "as", "en", "os", "ul", "ix", "am", "o", "u"),
        )
        names = [f"{head}{tail} Smith" for head in heads for tail in tails]
        plain = masked("\n".join(f"{name}, {60 + place % 40}%" for place, name in enumerate(names)))
        assert len(names) == 63
        assert [name for name in names if name.split()[0] in plain] == []

    def test_a_text_with_pseudonyms_is_not_questioned_again(self) -> None:
        for half in ("open", "sealed"):
            for sample in samples(half):
                text = replaced(sample.text, find(sample.text), lambda _name: "Student A")
                assert found(text) == []


class TestTheMeasure:
    def test_of_the_open_half_is_as_written_down(self) -> None:
        got = score(samples("open"))
        assert (got.held, got.found, got.quiet, got.false) == (25, 25, 28, 0)

    def test_of_the_sealed_half_is_as_written_down(self) -> None:
        got = score(samples("sealed"))
        assert (got.held, got.found, got.quiet, got.false) == (25, 20, 27, 1)

    def test_takes_a_time_of_every_message(self) -> None:
        assert all(microseconds(sample.text) > 0 for sample in samples("open"))
