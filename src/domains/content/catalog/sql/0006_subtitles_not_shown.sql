-- Subtitles of the source that are no text (PGS, VobSub) and so cannot be shown yet: a viewer should know that
-- they are there.
ALTER TABLE editions ADD COLUMN subtitles_unavailable TEXT NOT NULL DEFAULT '[]';
