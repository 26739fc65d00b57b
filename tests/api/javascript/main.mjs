// The official JavaScript SDK, unmodified, with the service as its base URL.
import assert from "node:assert/strict";
import OpenAI from "openai";

const client = new OpenAI({ baseURL: process.argv[2], apiKey: "x" });

const conversation = await client.conversations.create({ metadata: { topic: "bread" } });
const added = await client.conversations.items.create(conversation.id, {
  items: [{ type: "message", role: "user", content: "Hello" }],
});
assert.equal(added.data.length, 1);

const made = await client.responses.create({ conversation: conversation.id, input: "What is rye?" });
assert.equal(made.status, "completed");
assert.match(made.output_text, /What is rye\?/);
assert.equal((await client.responses.retrieve(made.id)).output_text, made.output_text);

const listed = [];
for await (const item of client.conversations.items.list(conversation.id, { limit: 2 })) listed.push(item.id);
assert.equal(listed.length, 3);
assert.equal(listed[0], made.output[0].id);

const seen = [];
const stream = await client.responses.create({ input: "And spelt?", previous_response_id: made.id, stream: true });
for await (const event of stream) seen.push(event);
assert.equal(seen.at(0).type, "response.created");
assert.equal(seen.at(-1).type, "response.completed");
const rest = [];
const id = seen[0].response.id;
for await (const event of await client.responses.retrieve(id, { stream: true, starting_after: 5 })) rest.push(event);
assert.deepEqual(rest, seen.slice(6));

const helped = client.responses.stream({ input: "And oats?", model: "default" });
let text = "";
helped.on("response.output_text.delta", (event) => (text += event.delta));
assert.equal((await helped.finalResponse()).output_text, text);

await client.responses.delete(made.id);
await assert.rejects(client.responses.retrieve(made.id), OpenAI.NotFoundError);
await assert.rejects(client.responses.create({ input: "Hm?", store: false }), OpenAI.BadRequestError);
console.log("done");
