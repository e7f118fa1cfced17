ALTER TABLE clients DROP COLUMN forwards_client_address;
