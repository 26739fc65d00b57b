"""The model: answers, titles and summaries. The only place that talks to it, through the `openai` SDK."""

from shared.ai.model import Model
from shared.ai.shapes import Answer, Prompt, SummaryText, Usage
from shared.ai.tokens import count_tokens

__all__ = ["Answer", "Model", "Prompt", "SummaryText", "Usage", "count_tokens"]
