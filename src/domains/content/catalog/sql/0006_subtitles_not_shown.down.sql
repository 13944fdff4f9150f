-- refuse: editions say which subtitles cannot be shown
SELECT count(*) FROM editions WHERE subtitles_unavailable <> '[]';
-- down
ALTER TABLE editions DROP COLUMN subtitles_unavailable;
