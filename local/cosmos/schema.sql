-- Numbers given by AUTOINCREMENT are never used again: resource ids of things that are gone stay dead.

CREATE TABLE databases (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id     TEXT NOT NULL UNIQUE,
    etag   TEXT NOT NULL,
    ts     INTEGER NOT NULL,
    throughput TEXT -- JSON: the content of its offer; null where its containers have their own
);

CREATE TABLE containers (
    number     INTEGER PRIMARY KEY AUTOINCREMENT,
    database   INTEGER NOT NULL REFERENCES databases (number),
    id         TEXT NOT NULL,
    definition TEXT NOT NULL, -- JSON: partitionKey, indexingPolicy, defaultTtl, uniqueKeyPolicy
    throughput TEXT NOT NULL, -- JSON: the content of its offer; "null" where the database has one
    etag       TEXT NOT NULL,
    ts         INTEGER NOT NULL,
    UNIQUE (database, id)
);

-- The number of the last commit in each container; apart from the definitions, for it changes with every write.
CREATE TABLE commits (
    container INTEGER PRIMARY KEY REFERENCES containers (number),
    lsn       INTEGER NOT NULL
);

-- The physical partitions of each container. Places in the space of hashes are between 0 and 1.
CREATE TABLE ranges (
    container INTEGER NOT NULL REFERENCES containers (number),
    number    INTEGER NOT NULL,
    start     REAL NOT NULL,
    end       REAL NOT NULL,
    parents   TEXT NOT NULL, -- JSON: the ids of the ranges that it came of
    PRIMARY KEY (container, number)
) WITHOUT ROWID;

-- A logical partition gets a number at its first write; documents and terms refer to it by that.
CREATE TABLE partitions (
    number    INTEGER PRIMARY KEY AUTOINCREMENT,
    container INTEGER NOT NULL REFERENCES containers (number),
    epk       TEXT NOT NULL, -- effective partition key: upper-case hex
    key       TEXT NOT NULL, -- the key's values as compact JSON
    UNIQUE (container, epk, key)
);

-- Each document once, as JSON text without the system properties, which are put in on reading.
CREATE TABLE documents (
    number     INTEGER PRIMARY KEY AUTOINCREMENT,
    container  INTEGER NOT NULL,
    partition  INTEGER NOT NULL REFERENCES partitions (number),
    id         TEXT NOT NULL,
    lsn        INTEGER NOT NULL, -- the commit that wrote this version
    etag       TEXT NOT NULL,
    ts         INTEGER NOT NULL, -- whole seconds
    expires_at INTEGER,
    size       INTEGER NOT NULL, -- bytes of the text in UTF-8
    text       TEXT NOT NULL,
    UNIQUE (partition, id)
);
CREATE INDEX documents_of_partition ON documents (partition);
CREATE INDEX documents_by_commit ON documents (container, lsn);
CREATE INDEX documents_that_expire ON documents (expires_at) WHERE expires_at IS NOT NULL;

-- The index: an ordered range of one index in one logical partition is a range of this table.
CREATE TABLE terms (
    partition INTEGER NOT NULL,
    name      TEXT NOT NULL,
    key       BLOB NOT NULL,
    document  INTEGER NOT NULL,
    PRIMARY KEY (partition, name, key, document)
) WITHOUT ROWID;

CREATE TABLE unique_keys (
    partition INTEGER NOT NULL,
    slot      INTEGER NOT NULL, -- which of the container's unique keys
    value     TEXT NOT NULL,    -- the values as compact JSON
    document  INTEGER NOT NULL,
    PRIMARY KEY (partition, slot, value)
) WITHOUT ROWID;
