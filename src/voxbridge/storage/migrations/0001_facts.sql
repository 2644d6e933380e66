-- Small facts that last: who may be heard, what was set, who was told. The values are JSON objects.
CREATE TABLE fact (
    shelf TEXT NOT NULL,
    guild_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    value TEXT NOT NULL,
    changed_at TEXT NOT NULL,
    PRIMARY KEY (shelf, guild_id, subject)
) WITHOUT ROWID;
