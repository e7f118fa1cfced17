-- Whether the server believes the client when it names the address of the person whose password it sends.
ALTER TABLE clients ADD COLUMN forwards_client_address BOOLEAN NOT NULL DEFAULT FALSE;
