-- What searches of secrets look into, so that no document is read for them: parts of names, and tags. Triggers derive it from
-- the secrets, whoever writes them, servers of older releases too, and copies of the store leave it out.

-- Short numbers in place of the identifiers of projects.
CREATE TABLE search_projects (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project TEXT NOT NULL UNIQUE
);

-- Every three characters in a row of every name, in lower case.
CREATE TABLE secret_trigrams (
    project BIGINT NOT NULL,
    trigram TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL
);

-- The tags of secrets, and the enterprise project of those outside of the default one, as JSON, under a key that no tag has.
CREATE TABLE secret_tags (
    project BIGINT NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (project, key, name)
);
CREATE INDEX secret_tags_by_value ON secret_tags (project, key, value, name);

-- Checksum of the newest document that changed no tag. A change of the document that puts no checksum here has the tags
-- written again, and so has one that leaves the column alone, as servers of older releases do.
ALTER TABLE secrets ADD COLUMN tagged BIGINT;

CREATE FUNCTION trigrams_in(name TEXT) RETURNS SETOF TEXT LANGUAGE sql IMMUTABLE AS $$
    SELECT DISTINCT lower(substr($1, place, 3) COLLATE "C") FROM generate_series(1, length($1) - 2) AS place
$$;

-- As text and not as JSON: tags have neither quotes nor brackets in them, and other members may have what JSON of the database
-- refuses.
CREATE FUNCTION tags_in(document TEXT) RETURNS TABLE (key TEXT, value TEXT) LANGUAGE sql IMMUTABLE AS $$
    SELECT tag[1], tag[2]
    FROM regexp_matches(substring($1 FROM '"tags":\[(\{"key":"[^]]*)\]'), '"key":"([^"]*)","value":"([^"]*)"', 'g') AS tag
    UNION ALL
    SELECT '_sys_enterprise_project', enterprise
    FROM substring($1 FROM '"enterprise_project_id":("(?:[^"\\]|\\.)*")') AS enterprise WHERE enterprise <> '"0"'
$$;

CREATE FUNCTION secrets_searchable() RETURNS TRIGGER LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM search_projects WHERE project = new.project) THEN
        INSERT INTO search_projects (project) VALUES (new.project) ON CONFLICT DO NOTHING;
    END IF;
    INSERT INTO secret_trigrams (project, trigram, name)
        SELECT number, trigram, new.name FROM search_projects, trigrams_in(new.name) AS trigram
        WHERE project = new.project;
    INSERT INTO secret_tags (project, key, name, value)
        SELECT number, tag.key, new.name, tag.value FROM search_projects, tags_in(new.document) AS tag
        WHERE project = new.project
        ON CONFLICT (project, key, name) DO UPDATE SET value = excluded.value;
    RETURN NULL;
END
$$;
CREATE TRIGGER secrets_searchable AFTER INSERT ON secrets
    FOR EACH ROW EXECUTE FUNCTION secrets_searchable();

CREATE FUNCTION secrets_tagged() RETURNS TRIGGER LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    DELETE FROM secret_tags WHERE project = (SELECT number FROM search_projects WHERE project = old.project)
        AND name = old.name AND key = ANY (ARRAY(SELECT tag.key FROM tags_in(old.document) AS tag));
    INSERT INTO secret_tags (project, key, name, value)
        SELECT number, tag.key, new.name, tag.value FROM search_projects, tags_in(new.document) AS tag
        WHERE project = new.project
        ON CONFLICT (project, key, name) DO UPDATE SET value = excluded.value;
    RETURN NULL;
END
$$;
CREATE TRIGGER secrets_tagged AFTER UPDATE OF document ON secrets
    FOR EACH ROW WHEN (new.tagged IS DISTINCT FROM new.checksum OR new.tagged IS NOT DISTINCT FROM old.tagged)
    EXECUTE FUNCTION secrets_tagged();

CREATE FUNCTION secrets_not_searchable() RETURNS TRIGGER LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    DELETE FROM secret_trigrams WHERE project = (SELECT number FROM search_projects WHERE project = old.project)
        AND name = old.name AND trigram = ANY (ARRAY(SELECT trigrams_in(old.name)));
    DELETE FROM secret_tags WHERE project = (SELECT number FROM search_projects WHERE project = old.project)
        AND name = old.name AND key = ANY (ARRAY(SELECT tag.key FROM tags_in(old.document) AS tag));
    RETURN NULL;
END
$$;
CREATE TRIGGER secrets_not_searchable AFTER DELETE ON secrets
    FOR EACH ROW EXECUTE FUNCTION secrets_not_searchable();

-- The key of the trigrams is made behind the rows, which is the quickest way to fill the table.
INSERT INTO search_projects (project) SELECT DISTINCT project FROM secrets ORDER BY project;
INSERT INTO secret_trigrams (project, trigram, name)
    SELECT number, trigram, name
    FROM secrets JOIN search_projects USING (project), trigrams_in(secrets.name) AS trigram;
ALTER TABLE secret_trigrams ADD PRIMARY KEY (project, trigram, name);
INSERT INTO secret_tags (project, key, name, value)
    SELECT number, tag.key, name, tag.value
    FROM secrets JOIN search_projects USING (project), tags_in(secrets.document) AS tag;
