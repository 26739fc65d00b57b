"""Turns: a question is stored, answered by the model, and the answers stored as its children.

A conversation runs one turn at a time. The turn holds the conversation's lease, which its server renews while
the model is at work; a lease that has expired is a dead server's, and whoever finds it closes that turn.
"""

from shared.turns.asking import Question
from shared.turns.endings import Endings
from shared.turns.followed import Followed
from shared.turns.queued import QueuedTurns
from shared.turns.reader import TurnReader
from shared.turns.runner import Runner
from shared.turns.running import Run
from shared.turns.turns import Turns

__all__ = ["Endings", "Followed", "Question", "QueuedTurns", "Run", "Runner", "TurnReader", "Turns"]
