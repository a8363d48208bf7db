BEGIN TRANSACTION;
CREATE TABLE function_versions (
	account TEXT NOT NULL, 
	region TEXT NOT NULL, 
	name TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	settings TEXT NOT NULL, 
	code_sha256 TEXT NOT NULL, 
	code_size BIGINT NOT NULL, 
	last_modified_ms BIGINT NOT NULL, 
	revision_id TEXT NOT NULL, 
	state TEXT NOT NULL, 
	state_reason TEXT, 
	state_reason_code TEXT, 
	last_update_status TEXT, 
	last_update_status_reason TEXT, 
	last_update_status_reason_code TEXT, 
	deployment TEXT, 
	published_from TEXT, 
	CONSTRAINT pk_function_versions PRIMARY KEY (account, region, name, version), 
	CONSTRAINT fk_function_versions_account_region_name FOREIGN KEY(account, region, name) REFERENCES functions (account, region, name) ON DELETE CASCADE
);
INSERT INTO "function_versions" VALUES('123456789012','eu-west-1','greet',0,'{"runtime": "python3.13", "role": "role", "handler": "index.handler", "logging": {"log_group": "group", "log_format": "JSON", "application_log_level": "INFO", "system_log_level": "WARN"}, "description": "\u00e9", "timeout_seconds": 3, "memory_mb": 128, "ephemeral_storage_mb": 512, "environment": {"B": "1", "A": "2"}, "architectures": ["x86_64"], "tracing_mode": "PassThrough"}','0000000000000000000000000000000000000000000000000000000000000000',100,1700000000123,'r1','Pending','The function is being created.','Creating',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "function_versions" VALUES('123456789012','eu-west-1','greet',1,'{"runtime": "python3.13", "role": "role", "handler": "index.handler", "logging": {"log_group": "group", "log_format": "JSON", "application_log_level": "INFO", "system_log_level": "WARN"}, "description": "\u00e9", "timeout_seconds": 3, "memory_mb": 128, "ephemeral_storage_mb": 512, "environment": {"B": "1", "A": "2"}, "architectures": ["x86_64"], "tracing_mode": "PassThrough"}','0000000000000000000000000000000000000000000000000000000000000000',100,1700000000123,'r1','Pending','The function is being created.','Creating',NULL,NULL,NULL,NULL,'fingerprint');
INSERT INTO "function_versions" VALUES('123456789012','us-east-1','other',0,'{"runtime": "python3.13", "role": "role", "handler": "index.handler", "logging": {"log_group": "group", "log_format": "JSON", "application_log_level": "INFO", "system_log_level": "WARN"}, "description": "\u00e9", "timeout_seconds": 3, "memory_mb": 128, "ephemeral_storage_mb": 512, "environment": {"B": "1", "A": "2"}, "architectures": ["x86_64"], "tracing_mode": "PassThrough"}','0000000000000000000000000000000000000000000000000000000000000000',100,1700000000123,'r1','Pending','The function is being created.','Creating',NULL,NULL,NULL,NULL,NULL);
CREATE TABLE functions (
	account TEXT NOT NULL, 
	region TEXT NOT NULL, 
	name TEXT NOT NULL, 
	last_version INTEGER NOT NULL, 
	reserved_concurrency INTEGER, 
	tags TEXT NOT NULL, 
	CONSTRAINT pk_functions PRIMARY KEY (account, region, name)
);
INSERT INTO "functions" VALUES('123456789012','eu-west-1','greet',1,NULL,'{"team": "blue"}');
INSERT INTO "functions" VALUES('123456789012','us-east-1','other',0,NULL,'{}');
CREATE TABLE schema_version (
	version INTEGER NOT NULL
);
INSERT INTO "schema_version" VALUES(1);
COMMIT;
