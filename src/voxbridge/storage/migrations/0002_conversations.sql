-- What is remembered of conversations for agents without a memory of their own; ended_at is in seconds of Unix time.
CREATE TABLE exchange (
    scope TEXT NOT NULL,
    session TEXT NOT NULL,
    number INTEGER NOT NULL,
    turn_id TEXT NOT NULL,
    guild_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    asked TEXT NOT NULL,
    shown TEXT NOT NULL,
    answer TEXT NOT NULL,
    was_cut INTEGER NOT NULL,
    ended_at REAL NOT NULL,
    PRIMARY KEY (scope, session, number)
) WITHOUT ROWID;
CREATE INDEX exchange_of_member ON exchange (guild_id, user_id);
