-- refuse: reviews know the folder they are about
SELECT count(*) FROM reviews WHERE length(folder) > 0;
-- down
ALTER TABLE reviews DROP COLUMN folder;
