BEGIN TRANSACTION;
CREATE TABLE events (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	account TEXT NOT NULL, 
	region TEXT NOT NULL, 
	function_name TEXT NOT NULL, 
	qualifier TEXT, 
	request_id TEXT NOT NULL, 
	trace_id TEXT NOT NULL, 
	client_context TEXT NOT NULL, 
	tenant_id TEXT NOT NULL, 
	accepted_ms BIGINT NOT NULL, 
	attempts INTEGER NOT NULL, 
	deferrals INTEGER NOT NULL, 
	visible_after_ms BIGINT NOT NULL, 
	lease_until_ms BIGINT NOT NULL, 
	payload BLOB NOT NULL
);
INSERT INTO "events" VALUES(1,'123456789012','eu-west-1','greet','live','8b1c1f46-0000-4000-8000-000000000001','','','blue',1700000000000,1,0,1700000060000,0,X'7B226E616D65223A2022416461227D');
INSERT INTO "events" VALUES(2,'123456789012','eu-west-1','greet',NULL,'8b1c1f46-0000-4000-8000-000000000002','','','blue',1700000000000,0,0,1700000000000,0,X'7B226E616D65223A2022416461227D');
CREATE TABLE schema_version (
	version INTEGER NOT NULL
);
INSERT INTO "schema_version" VALUES(1);
CREATE INDEX ix_events_visible_after_ms ON events (visible_after_ms);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('events',2);
COMMIT;
