-- Which incident is open is asked at every start; without this, all of a long one is read to find that it was never closed.

CREATE INDEX events_closing ON events (stream, seq) WHERE kind IN ('closed', 'reopened');
