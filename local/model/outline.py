"""Paragraphs that fill a long answer: how one would go about the subject, never facts about it."""

from collections.abc import Sequence

_PARAGRAPHS = (
    "You asked for something long, so here is an outline of what a real model could write about “{a}”, "
    "at the length you wanted. Take it as scaffolding: the order of the parts is sensible, and the "
    "facts are left out because there are none here to be had.",
    "It would open with a plain statement of what “{a}” means in your question, for a reader who comes "
    "to it without preparation. Two or three sentences are enough for that, and they set the tone of "
    "everything that follows: what is in, what is out, and why anyone should read on.",
    "The next part would turn to “{b}”. Here the text has to slow down, take one thing after the other, "
    "and give an example for each, since an example is what most readers remember once the argument has "
    "faded.",
    "After that comes the connection between “{a}” and “{b}”. A good text doesn't assert that the two "
    "belong together; it shows the step from one to the other, says how sure one can be of it, and "
    "names what would have to be true for the step to fail.",
    "Then it is time for the doubts. Somebody who knows “{c}” well will have objections, and a long "
    "text has the room to put them fairly, in their strongest form, before it answers them. What can't "
    "be answered is said to be open, and left at that.",
    "A practical part would follow: what to do about “{b}” first, what can wait, what it takes in time, "
    "and how one notices early that it is going wrong. Lists do well here, as long as every entry can "
    "be acted upon by the person who reads it.",
    "Towards the end the text would come back to “{a}” and say in a few sentences what has changed on "
    "the way: what the reader knows now, what has been decided, and what question comes next. A good "
    "ending repeats nothing; it puts the pieces side by side.",
    "Last of all stands a look at what was left out about “{c}”, with a word on where to go on from "
    "here. That is courtesy towards the reader, and it keeps the writer honest about how far the text "
    "has really come.",
)


def paragraph(place: int, topics: Sequence[str]) -> str:
    """The paragraph at `place`, about some of the topics; they change each time round."""
    turn, which = divmod(place, len(_PARAGRAPHS))
    a, b, c = (topics[(turn + step) % len(topics)] for step in range(3))
    return _PARAGRAPHS[which].format(a=a, b=b, c=c)
