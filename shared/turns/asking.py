"""How a turn begins: the lease taken, the question stored with empty answers, in one transaction."""

from collections.abc import Callable
from dataclasses import dataclass

from shared.errors import InvalidRequest
from shared.idempotency import Once
from shared.ids import new_id, same_ulid
from shared.models import Caller, Conversation, Leaf, Lease, Message, Receipt, Turn, TurnOptions, TurnRecord
from shared.repository import Change
from shared.transitions import (
    MessageDraft,
    Place,
    appended_to,
    at_leaf,
    behind,
    beside,
    drafted,
    ready_to_grow,
    require_free,
)
from shared.turns.leases import QUEUED_MS, taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a caller asks, and how it is to be answered.

    drafts: the messages to add, the last of which is answered; without any, parent_id is answered anew.
    previous: the answer to go on from where it is in hand, in place of parent_id.
    alternatives: how many answers. interrupt: stop a turn that runs, instead of giving way to it.
    """

    drafts: tuple[MessageDraft, ...]
    options: TurnOptions
    parent_id: str | None = None
    edited_from: str | None = None
    previous: Message | None = None
    alternatives: int = 1
    interrupt: bool = False


@dataclass(frozen=True, slots=True)
class TurnIds:
    """The ids of a turn and of all that it adds, made once, whatever has to be tried again."""

    turn: str
    inputs: tuple[str, ...]
    answers: tuple[str, ...]

    @classmethod
    def of(cls, question: Question, now: int) -> "TurnIds":
        """New ids for a question."""
        inputs = tuple(new_id("msg", now) for _ in question.drafts)
        answers = tuple(new_id("msg", now + 1 + number) for number in range(question.alternatives))
        return cls(same_ulid("resp", answers[0]), inputs, answers)


def receipt_of(caller: Caller, once: Once | None, now: int) -> Callable[[Turn], Receipt | None]:
    """The receipt of a turn that begins: open until it ends, unless that is left to the background."""

    def receipt(turn: Turn) -> Receipt | None:
        if once is None:
            return None
        answer = turn.answer
        opened = once.opened(caller, now, conversation_id=answer.conversation_id, answer_id=answer.id)
        return once.completed(opened, turn) if turn.options.background else opened

    return receipt


def begun(
    question: Question,
    ids: TurnIds,
    named: Message | None,
    receipt: Callable[[Turn], Receipt | None],
    now: int,
) -> Callable[[Conversation], Change]:
    """The conversation with the turn begun. named: what parent_id, edited_from or previous names."""

    def change(conversation: Conversation) -> Change:
        conversation = ready_to_grow(conversation)
        require_free(conversation)
        place = _place(conversation, question, named)
        asked: list[Message] = []
        for draft, identifier in zip(question.drafts, ids.inputs, strict=True):
            asked.append(drafted(conversation, identifier, draft, now, None if asked else place))
            conversation = appended_to(conversation, asked[-1])
        last = asked[-1] if asked else _to_answer_anew(named)
        behind_last = at_leaf(conversation) if asked else place
        answers: list[Message] = []
        for identifier in ids.answers:
            at = Place(last.id, last.path) if answers else behind_last
            answers.append(_empty(conversation, identifier, last, at, now))
            conversation = appended_to(conversation, answers[-1])
        answers[0] = answers[0].changed(turn=_record(question, ids, last))
        lease = Lease(turn_id=ids.turn, answer_id=ids.answers[0])
        first = Leaf(id=answers[0].id, path=answers[0].path)
        running = taken(conversation.changed(leaf=first), lease, now, *_queue_time(question))
        turn = Turn(ids.turn, last, tuple(answers))
        return Change(running, created=(*asked, *answers), receipt=receipt(turn))

    return change


def _place(conversation: Conversation, question: Question, named: Message | None) -> Place:
    if named is None:
        return at_leaf(conversation)
    return beside(named) if question.edited_from else behind(conversation, named)


def _to_answer_anew(named: Message | None) -> Message:
    if named is None or named.role != "user":
        raise InvalidRequest(
            "content is required, unless parent_id is a user's message to be answered anew.", param="content"
        )
    return named


def _empty(
    conversation: Conversation, identifier: str, asked: Message, place: Place | None, now: int
) -> Message:
    """An answer that is still to be given."""
    draft = MessageDraft(content="", role="assistant", metadata={})
    answer = drafted(conversation, identifier, draft, now, place)
    return answer.changed(status="in_progress", question_id=asked.id)


def _record(question: Question, ids: TurnIds, asked: Message) -> TurnRecord:
    return TurnRecord(
        input_ids=ids.inputs or (asked.id,),
        other_ids=ids.answers[1:],
        options=question.options,
        queued=question.options.background,
    )


def _queue_time(question: Question) -> tuple[int, ...]:
    return (QUEUED_MS,) if question.options.background else ()
