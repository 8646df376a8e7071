-- MACs that bind users, access keys and policies to their rows. Rows of before have none until the first start of a release
-- that knows them.

ALTER TABLE users ADD COLUMN mac BLOB;
ALTER TABLE access_keys ADD COLUMN mac BLOB;
ALTER TABLE policies ADD COLUMN mac BLOB;
