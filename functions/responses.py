"""OpenAI's endpoints: responses, conversation items and models, for its SDKs as clients."""

from typing import Annotated

import azure.functions as func
from fastapi import Query

from shared.cursors import encode_cursor, position_of
from shared.http import AsCaller, AsOnce, IfMatch, LastEventId, endpoint
from shared.messages import MessagesWanted
from shared.schemas.answers import Conversation, Listed
from shared.schemas.events import TurnEvents
from shared.schemas.items import Item, ItemList, NewItems, NewMetadata
from shared.schemas.requests import Following, ItemsQuery
from shared.schemas.response_requests import NewResponse
from shared.schemas.responses import ModelList, ModelListed, Response, ResponseDeleted
from shared.services import services

bp = func.Blueprint()


@endpoint(bp, "POST", "responses", status=201, lenient=True)
async def create_response(caller: AsCaller, body: NewResponse, once: AsOnce = None) -> Response | TurnEvents:
    """Have a question answered; with `stream`, tell the answer word by word; with `background`, later."""
    run = await services().responses.create(caller, body.draft(), once)
    if body.stream:
        return TurnEvents.of(await services().turns.following(run))
    return Response.of(await run.outcome())


@endpoint(bp, "GET", "responses/{response_id}", lenient=True)
async def get_response(
    caller: AsCaller,
    response_id: str,
    query: Annotated[Following, Query()],
    last_event_id: LastEventId = None,
) -> Response | TurnEvents:
    """Read a response; with `stream`, its events from any of them on, while it runs and after."""
    if query.stream:
        followed = await services().turns.followed(caller, response_id)
        return TurnEvents.of(followed, query.behind(last_event_id))
    return Response.of(await services().turns.get(caller, response_id))


@endpoint(bp, "POST", "responses/{response_id}/cancel", lenient=True)
async def cancel_response(
    caller: AsCaller, response_id: str, if_match: IfMatch = None, once: AsOnce = None
) -> Response:
    """Stop a response, keeping what there is."""
    return Response.of(await services().turns.cancel(caller, response_id, if_match, once))


@endpoint(bp, "DELETE", "responses/{response_id}", lenient=True)
async def delete_response(caller: AsCaller, response_id: str, if_match: IfMatch = None) -> ResponseDeleted:
    """Delete a response's answers; each can be restored as a message."""
    await services().responses.delete(caller, response_id, if_match)
    return ResponseDeleted(id=response_id)


@endpoint(bp, "GET", "responses/{response_id}/input_items", lenient=True)
async def list_input_items(
    caller: AsCaller, response_id: str, query: Annotated[ItemsQuery, Query()]
) -> Listed[Item]:
    """List the messages that a response answers."""
    found = await services().responses.inputs(caller, response_id)
    return Listed[Item].of(query.page_of(found), Item.of, lambda position: position)


@endpoint(bp, "POST", "conversations/{conversation_id}", lenient=True)
async def update_metadata(
    caller: AsCaller,
    conversation_id: str,
    body: NewMetadata,
    if_match: IfMatch = None,
    once: AsOnce = None,
) -> Conversation:
    """Replace a conversation's metadata."""
    replaced = await services().conversations.replace_metadata(
        caller, conversation_id, body.metadata, if_match, once
    )
    return Conversation.of(replaced)


@endpoint(bp, "POST", "conversations/{conversation_id}/items", status=201, lenient=True)
async def create_items(
    caller: AsCaller, conversation_id: str, body: NewItems, if_match: IfMatch = None, once: AsOnce = None
) -> ItemList:
    """Append messages to a conversation, all or none."""
    added = await services().responses.add_items(caller, conversation_id, body.drafts(), if_match, once)
    return ItemList.of(added)


@endpoint(bp, "GET", "conversations/{conversation_id}/items", lenient=True)
async def list_items(
    caller: AsCaller, conversation_id: str, query: Annotated[ItemsQuery, Query()]
) -> Listed[Item]:
    """List a conversation's messages, newest first."""
    this_list = ("items", conversation_id, query.order)
    wanted = MessagesWanted(
        order=query.order,
        limit=query.limit,
        after=position_of(query.after, "after", caller, *this_list),
    )
    page = await services().messages.page(caller, conversation_id, wanted)
    return Listed[Item].of(page, Item.of, lambda position: encode_cursor(position, caller, *this_list))


@endpoint(bp, "GET", "conversations/{conversation_id}/items/{item_id}", lenient=True)
async def get_item(caller: AsCaller, conversation_id: str, item_id: str) -> Item:
    """Read a message."""
    return Item.of(await services().messages.get(caller, conversation_id, item_id))


@endpoint(bp, "DELETE", "conversations/{conversation_id}/items/{item_id}", lenient=True)
async def delete_item(
    caller: AsCaller, conversation_id: str, item_id: str, if_match: IfMatch = None
) -> Conversation:
    """Delete a message; the conversation as it is then."""
    await services().deletions.delete(caller, conversation_id, item_id, if_match)
    return Conversation.of(await services().conversations.get(caller, conversation_id))


@endpoint(bp, "GET", "models", lenient=True)
async def list_models(caller: AsCaller) -> ModelList:
    """List the models that a request may name."""
    return ModelList(data=[ModelListed(id=name) for name in services().settings.models])
