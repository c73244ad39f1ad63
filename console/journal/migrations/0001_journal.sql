-- The journal. Rows are never changed or deleted; redaction alone may empty a body, and only after saying so.

CREATE TABLE streams (
  stream     TEXT PRIMARY KEY NOT NULL,
  alias      TEXT UNIQUE,             -- INC-7; NULL for watch segments
  number     INTEGER UNIQUE,          -- 7
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE events (
  pos         INTEGER PRIMARY KEY AUTOINCREMENT,  -- order of arrival in this database, across streams
  id          TEXT    NOT NULL UNIQUE,
  stream      TEXT    NOT NULL REFERENCES streams (stream),
  seq         INTEGER NOT NULL CHECK (seq > 0),
  recorded_at INTEGER NOT NULL,                   -- microseconds since the epoch, UTC
  occurred_at INTEGER NOT NULL,
  precision   TEXT    NOT NULL,
  actor       TEXT    NOT NULL,
  origin      TEXT    NOT NULL,                   -- JSON
  kind        TEXT    NOT NULL,
  version     INTEGER NOT NULL,
  dedupe      TEXT,
  target      TEXT,                               -- the event that this one revises, stars, undoes or redacts
  body        TEXT,                               -- canonical JSON; NULL once redacted
  body_hash   TEXT    NOT NULL,
  hash        TEXT    NOT NULL,
  UNIQUE (stream, seq)
) STRICT;

CREATE UNIQUE INDEX events_dedupe   ON events (stream, dedupe) WHERE dedupe IS NOT NULL;
CREATE INDEX        events_target   ON events (target) WHERE target IS NOT NULL;
CREATE INDEX        events_occurred ON events (stream, occurred_at, seq);

-- Watch segments past their retention: naming one here lets its rows be deleted; its end stays as the anchor.
CREATE TABLE dropped_segments (
  stream     TEXT PRIMARY KEY NOT NULL CHECK (stream GLOB 'watch:*'),
  count      INTEGER NOT NULL,
  head       TEXT    NOT NULL,
  dropped_at INTEGER NOT NULL
) STRICT;

-- Who leads the watch. The epoch grows with every take-over; a writer that holds an old one is refused.
CREATE TABLE lease (
  name        TEXT PRIMARY KEY NOT NULL,
  epoch       INTEGER NOT NULL,
  holder      TEXT    NOT NULL,
  boot_id     TEXT    NOT NULL,
  config_hash TEXT    NOT NULL DEFAULT '',
  taken_at    INTEGER NOT NULL
) STRICT;

-- Disposable states of folds over long streams.
CREATE TABLE checkpoints (
  stream  TEXT    NOT NULL,
  fold    TEXT    NOT NULL,
  version INTEGER NOT NULL,
  seq     INTEGER NOT NULL,
  state   BLOB    NOT NULL,
  PRIMARY KEY (stream, fold)
) STRICT;

CREATE TRIGGER events_are_never_replaced BEFORE INSERT ON events
WHEN EXISTS (SELECT 1 FROM events WHERE id = NEW.id OR (stream = NEW.stream AND seq = NEW.seq))
BEGIN SELECT RAISE(ABORT, 'events are never replaced'); END;

CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events
WHEN NOT (
  OLD.body IS NOT NULL AND NEW.body IS NULL
  AND NEW.pos = OLD.pos AND NEW.id = OLD.id AND NEW.stream = OLD.stream AND NEW.seq = OLD.seq
  AND NEW.recorded_at = OLD.recorded_at AND NEW.occurred_at = OLD.occurred_at AND NEW.precision = OLD.precision
  AND NEW.actor = OLD.actor AND NEW.origin = OLD.origin AND NEW.kind = OLD.kind AND NEW.version = OLD.version
  AND NEW.dedupe IS OLD.dedupe AND NEW.target IS OLD.target AND NEW.body_hash = OLD.body_hash AND NEW.hash = OLD.hash
  AND EXISTS (
    SELECT 1 FROM events AS r
    WHERE r.target = OLD.id AND r.stream = OLD.stream AND r.kind = 'redacted'
  )
)
BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;

CREATE TRIGGER events_are_never_deleted BEFORE DELETE ON events
WHEN NOT EXISTS (SELECT 1 FROM dropped_segments WHERE stream = OLD.stream)
BEGIN SELECT RAISE(ABORT, 'events are never deleted'); END;

-- Words of each event, for the search; a redaction takes them away. The writer fills both tables in its transaction:
-- with trusted_schema off, no trigger or view may touch a virtual table or JSON.
CREATE TABLE words (
  pos   INTEGER PRIMARY KEY NOT NULL,
  words TEXT    NOT NULL
) STRICT;

CREATE VIRTUAL TABLE events_fts USING fts5 (
  words, content = 'words', content_rowid = 'pos', tokenize = 'unicode61 remove_diacritics 2'
);
