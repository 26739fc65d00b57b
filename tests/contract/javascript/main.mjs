// What a JavaScript client does with an account: node main.mjs ENDPOINT KEY. Ends with "done", or with an error.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { ChangeFeedStartFrom, CosmosClient, PartitionKeyDefinitionVersion, PartitionKeyKind } from "@azure/cosmos";

const [endpoint, key] = process.argv.slice(2);
const MINE = ["t1", "u1"];
const anItem = (id, more = {}) => ({ id, tenantId: "t1", userId: "u1", ...more });
const ids = (items) => items.map((item) => item.id);
const refusedWith = (code) => (error) => assert.equal(error.code, code) ?? true;

async function items(container) {
  const { resource: created, requestCharge } = await container.items.create(anItem("ä b", { n: 1 }));
  assert.ok(created._etag && requestCharge > 1);
  const item = container.item("ä b", MINE);
  assert.equal((await item.read()).resource.n, 1);
  assert.equal((await container.item("ä b", ["t1", "u2"]).read()).statusCode, 404);
  await assert.rejects(container.items.create(anItem("ä b")), refusedWith(409));

  const { resource: replaced } = await item.replace(anItem("ä b", { n: 2 }));
  assert.notEqual(replaced._etag, created._etag);
  const outdated = { accessCondition: { type: "IfMatch", condition: created._etag } };
  await assert.rejects(item.replace(anItem("ä b", { n: 3 }), outdated), refusedWith(412));
  assert.equal((await container.items.upsert(anItem("ä b", { n: 4 }))).statusCode, 200);
  assert.equal((await item.delete()).statusCode, 204);
}

async function patches(container) {
  await container.items.create(anItem("patched", { n: 1, list: ["a"] }));
  const item = container.item("patched", MINE);
  const operations = [
    { op: "incr", path: "/n", value: 2 },
    { op: "add", path: "/list/-", value: "b" },
    { op: "set", path: "/new", value: true },
  ];
  const { resource } = await item.patch(operations);
  assert.deepEqual([resource.n, resource.list, resource.new], [3, ["a", "b"], true]);
  const conditional = { condition: "from c where c.n = 1", operations };
  await assert.rejects(item.patch(conditional), refusedWith(412));
  await item.delete();
}

async function batches(container) {
  const create = (id) => ({ operationType: "Create", resourceBody: anItem(id, { n: Number(id) }) });
  const done = await container.items.batch(["1", "2", "3", "4", "5"].map(create), MINE);
  assert.deepEqual(done.result.map((each) => each.statusCode), [201, 201, 201, 201, 201]);
  const failed = await container.items.batch([create("6"), create("1")], MINE);
  assert.deepEqual([failed.code, failed.result.map((each) => each.statusCode)], [207, [424, 409]]);
  assert.equal((await container.item("6", MINE).read()).statusCode, 404);
}

async function queries(container) {
  const query = {
    query: "SELECT * FROM c WHERE c.n >= @least ORDER BY c.n DESC",
    parameters: [{ name: "@least", value: 2 }],
  };
  const options = { partitionKey: MINE, maxItemCount: 3 };
  const first = await container.items.query(query, options).fetchNext();
  assert.deepEqual(ids(first.resources), ["5", "4", "3"]);
  await container.items.create(anItem("9", { n: 9 }));
  const { continuationToken } = first;
  const rest = await container.items.query(query, { ...options, continuationToken }).fetchNext();
  assert.deepEqual(ids(rest.resources), ["2"]);

  const counted = await container.items.query("SELECT VALUE COUNT(1) FROM c", options).fetchAll();
  assert.deepEqual(counted.resources, [6]);
  await container.items.create(anItem("other", { userId: "u2", n: 2 }));
  const everywhere = await container.items.query("SELECT * FROM c WHERE c.n = 2").fetchAll();
  assert.deepEqual(ids(everywhere.resources).sort(), ["2", "other"]);
  const all = await container.items.readAll({ maxItemCount: 2 }).fetchAll();
  assert.equal(all.resources.length, 7);
}

// What the client puts together out of the partitions' answers, by the plan that it asks for.
async function acrossPartitions(container) {
  const all = async (query) => (await container.items.query(query, { maxItemCount: 2 }).fetchAll()).resources;
  assert.deepEqual(await all("SELECT VALUE c.n FROM c ORDER BY c.n DESC"), [9, 5, 4, 3, 2, 2, 1]);
  assert.deepEqual(await all("SELECT TOP 2 VALUE c.n FROM c ORDER BY c.n"), [1, 2]);
  assert.deepEqual(await all("SELECT VALUE c.n FROM c ORDER BY c.n OFFSET 1 LIMIT 3"), [2, 2, 3]);
  assert.deepEqual(await all("SELECT DISTINCT VALUE c.userId FROM c"), ["u1", "u2"]);
  assert.deepEqual(await all("SELECT VALUE AVG(c.n) FROM c WHERE c.n < 3"), [5 / 3]);
  assert.deepEqual(await all("SELECT COUNT(1) AS count, MAX(c.n) AS most FROM c"), [{ count: 7, most: 9 }]);
  const grouped = await all("SELECT c.userId, COUNT(1) AS count, SUM(c.n) AS sum FROM c GROUP BY c.userId");
  const expected = [{ userId: "u1", count: 6, sum: 24 }, { userId: "u2", count: 1, sum: 2 }];
  assert.deepEqual(grouped.sort((a, b) => b.sum - a.sum), expected);
}

async function changes(container) {
  const read = async (options) => {
    const [found, iterator] = [[], container.items.getChangeFeedIterator({ maxItemCount: 2, ...options })];
    let page;
    for await (page of iterator.getAsyncIterator()) {
      if (page.statusCode === 304) break;
      found.push(...page.result);
    }
    return [ids(found), page.continuationToken];
  };
  const [found, token] = await read({ changeFeedStartFrom: ChangeFeedStartFrom.Beginning() });
  assert.deepEqual(found, ["1", "2", "3", "4", "5", "9", "other"]);
  await container.item("1", MINE).patch([{ op: "incr", path: "/n", value: 1 }]);
  const [changed] = await read({ changeFeedStartFrom: ChangeFeedStartFrom.Continuation(token) });
  assert.deepEqual(changed, ["1"]);
  const [theirs] = await read({ changeFeedStartFrom: ChangeFeedStartFrom.Beginning(["t1", "u2"]) });
  assert.deepEqual(theirs, ["other"]);
}

const client = new CosmosClient({ endpoint, key });
const { database } = await client.databases.createIfNotExists({ id: `javascript-${randomUUID()}` });
try {
  const { container } = await database.containers.createIfNotExists({
    id: "items",
    partitionKey: {
      paths: ["/tenantId", "/userId"],
      kind: PartitionKeyKind.MultiHash,
      version: PartitionKeyDefinitionVersion.V2,
    },
  });
  for (const use of [items, patches, batches, queries, acrossPartitions, changes]) await use(container);
} finally {
  await database.delete();
}
const stranger = new CosmosClient({ endpoint, key: Buffer.from("another key").toString("base64") });
await assert.rejects(stranger.databases.readAll().fetchAll(), refusedWith(401));
stranger.dispose();
client.dispose();
console.log("done");
