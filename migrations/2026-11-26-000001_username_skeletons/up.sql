-- What a username looks like (UTS #39, section 4: names with the same skeleton look alike), by which a new name is compared with all
-- existing ones. The version is that of the Unicode data; the server fills in the rows of existing users.
CREATE TABLE username_skeletons (
    skeleton TEXT NOT NULL,
    version BIGINT NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id),
    PRIMARY KEY (skeleton, version, user_id)
);

CREATE INDEX username_skeletons_user_id ON username_skeletons (user_id, version);
