-- What comes together lies together: each of these indexes was another place to write to for every like.
ALTER TABLE reaction DROP CONSTRAINT reaction_pkey;
ALTER TABLE reaction ADD PRIMARY KEY (actor, object, kind);
DROP INDEX reaction_id;
DROP INDEX reaction_actor;
DROP INDEX reaction_host;
CREATE INDEX reaction_object ON reaction (object, kind, at);
CREATE INDEX reaction_day ON reaction (at, host);
CREATE INDEX reaction_quote ON reaction (id) WHERE kind = 'quote';
