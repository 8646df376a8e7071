-- What searches of secrets look into, so that no document is read for them: parts of names, and tags. Triggers derive it from
-- the secrets, whoever writes them, and copies of the store leave it out.

-- Short numbers in place of the identifiers of projects.
CREATE TABLE search_projects (
    number INTEGER PRIMARY KEY,
    project TEXT NOT NULL UNIQUE
) STRICT;

-- Every three characters in a row of every name, in lower case.
CREATE TABLE secret_trigrams (
    project INTEGER NOT NULL,
    trigram TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (project, trigram, name)
) STRICT, WITHOUT ROWID;

-- Where trigrams begin: a name has 64 characters at most.
CREATE TABLE trigram_places (place INTEGER PRIMARY KEY) STRICT;
WITH RECURSIVE places (place) AS (SELECT 1 UNION ALL SELECT place + 1 FROM places WHERE place < 62)
    INSERT INTO trigram_places SELECT place FROM places;

-- The tags of secrets, and the enterprise project of those outside of the default one, as JSON, under a key that no tag has.
CREATE TABLE secret_tags (
    project INTEGER NOT NULL,
    key TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (project, key, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX secret_tags_by_value ON secret_tags (project, key, value, name);

-- Checksum of the newest document that changed no tag. A change of the document that puts no checksum here has the tags
-- written again.
ALTER TABLE secrets ADD COLUMN tagged INTEGER;

CREATE TRIGGER secrets_searchable AFTER INSERT ON secrets BEGIN
    INSERT OR IGNORE INTO search_projects (project) VALUES (new.project);
    INSERT OR IGNORE INTO secret_trigrams (project, trigram, name)
        SELECT number, lower(substr(new.name, place, 3)), new.name FROM search_projects, trigram_places
        WHERE project = new.project AND place <= length(new.name) - 2;
    INSERT OR REPLACE INTO secret_tags (project, key, name, value)
        SELECT number, tag.value ->> 'key', new.name, tag.value ->> 'value'
        FROM search_projects, json_each(iif(json_valid(new.document), new.document, '{}'), '$.tags') AS tag
        WHERE project = new.project
        UNION ALL
        SELECT number, '_sys_enterprise_project', new.name, new.document -> 'enterprise_project_id'
        FROM search_projects
        WHERE project = new.project AND json_valid(new.document) AND new.document ->> 'enterprise_project_id' <> '0';
END;

CREATE TRIGGER secrets_tagged AFTER UPDATE OF document ON secrets WHEN new.tagged IS NOT new.checksum BEGIN
    DELETE FROM secret_tags WHERE project = (SELECT number FROM search_projects WHERE project = old.project)
        AND name = old.name AND key IN (
            SELECT tag.value ->> 'key'
            FROM json_each(iif(json_valid(old.document), old.document, '{}'), '$.tags') AS tag
            UNION ALL SELECT '_sys_enterprise_project');
    INSERT OR REPLACE INTO secret_tags (project, key, name, value)
        SELECT number, tag.value ->> 'key', new.name, tag.value ->> 'value'
        FROM search_projects, json_each(iif(json_valid(new.document), new.document, '{}'), '$.tags') AS tag
        WHERE project = new.project
        UNION ALL
        SELECT number, '_sys_enterprise_project', new.name, new.document -> 'enterprise_project_id'
        FROM search_projects
        WHERE project = new.project AND json_valid(new.document) AND new.document ->> 'enterprise_project_id' <> '0';
END;

CREATE TRIGGER secrets_not_searchable AFTER DELETE ON secrets BEGIN
    DELETE FROM secret_trigrams WHERE project = (SELECT number FROM search_projects WHERE project = old.project)
        AND name = old.name AND trigram IN (
            SELECT lower(substr(old.name, place, 3)) FROM trigram_places WHERE place <= length(old.name) - 2);
    DELETE FROM secret_tags WHERE project = (SELECT number FROM search_projects WHERE project = old.project)
        AND name = old.name AND key IN (
            SELECT tag.value ->> 'key'
            FROM json_each(iif(json_valid(old.document), old.document, '{}'), '$.tags') AS tag
            UNION ALL SELECT '_sys_enterprise_project');
END;

-- In the order of the keys, which is the quickest way to fill the tables.
INSERT INTO search_projects (project) SELECT DISTINCT project FROM secrets ORDER BY project;
INSERT INTO secret_trigrams (project, trigram, name)
    SELECT DISTINCT number, lower(substr(name, place, 3)) AS trigram, name
    FROM secrets JOIN search_projects USING (project) JOIN trigram_places ON place <= length(name) - 2
    ORDER BY number, trigram, name;
INSERT INTO secret_tags (project, key, name, value)
    SELECT number, tag.value ->> 'key', name, tag.value ->> 'value'
    FROM secrets JOIN search_projects USING (project),
        json_each(iif(json_valid(document), document, '{}'), '$.tags') AS tag
    UNION ALL
    SELECT number, '_sys_enterprise_project', name, document -> 'enterprise_project_id'
    FROM secrets JOIN search_projects USING (project)
    WHERE json_valid(document) AND document ->> 'enterprise_project_id' <> '0';
