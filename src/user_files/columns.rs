//! The columns of a file of users, and the map from the names that a file has for them.

/// A column of a file of users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// The user ID.
    Id,
    /// The username.
    Username,
    /// The password hash.
    PasswordHash,
    /// The display name.
    DisplayName,
    /// The email address.
    Email,
    /// Whether the user has confirmed the address.
    EmailVerified,
    /// The language, as a tag.
    Language,
    /// Whether the account is active or disabled.
    State,
    /// The roles, with spaces between.
    Roles,
    /// When the account was created.
    CreatedAt,
}

/// The columns that the file of rejected rows adds. They are skipped, so that a corrected file can be imported.
pub(super) const REJECTED_COLUMNS: [&str; 2] = ["rejected_at", "rejected_because"];

impl Column {
    /// The number of columns.
    pub const COUNT: usize = Self::ALL.len();

    /// All columns, in the order of an exported file.
    pub const ALL: [Self; 10] = [
        Self::Id,
        Self::Username,
        Self::PasswordHash,
        Self::DisplayName,
        Self::Email,
        Self::EmailVerified,
        Self::Language,
        Self::State,
        Self::Roles,
        Self::CreatedAt,
    ];

    /// The name in a file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Username => "username",
            Self::PasswordHash => "password_hash",
            Self::DisplayName => "display_name",
            Self::Email => "email",
            Self::EmailVerified => "email_verified",
            Self::Language => "language",
            Self::State => "state",
            Self::Roles => "roles",
            Self::CreatedAt => "created_at",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|column| column.name() == name)
    }
}

/// What happens with a column that has no known name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownColumns {
    /// The file is rejected: a misspelt name would lose a column without a word.
    #[default]
    Rejected,
    /// The column is skipped.
    Skipped,
}

/// The names that a file has for the columns.
#[derive(Clone, Debug, Default)]
pub struct ColumnMap {
    renamed: Vec<(Column, String)>,
    unknown: UnknownColumns,
}

/// What a name in a file stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NamedColumn {
    /// A column.
    Known(Column),
    /// A column that is skipped.
    Skipped,
    /// No column; the text says what to do.
    Unknown(String),
}

impl ColumnMap {
    /// Reads mappings such as `username=login`: the column, then its name in the file.
    ///
    /// # Errors
    /// What is wrong with a mapping.
    pub fn parse(mappings: &[String], unknown: UnknownColumns) -> Result<Self, String> {
        let mut renamed: Vec<(Column, String)> = Vec::new();
        for mapping in mappings {
            let Some((name, in_file)) = mapping.split_once('=').filter(|(_, in_file)| !in_file.is_empty()) else {
                return Err(format!("`{mapping}` is not a column mapping: use COLUMN=NAME, such as username=login"));
            };
            let Some(column) = Column::from_name(name) else {
                return Err(format!("`{name}` is not a column: use one of {}", all_names()));
            };
            if renamed.iter().any(|(other, text)| *other == column || text == in_file) {
                return Err(format!("`{mapping}` repeats an earlier mapping: each column and each name has one"));
            }
            renamed.push((column, in_file.to_owned()));
        }
        Ok(Self { renamed, unknown })
    }

    /// Whether no column has another name.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.renamed.is_empty()
    }

    /// The column with this name in the file.
    pub(super) fn find(&self, in_file: &str) -> NamedColumn {
        let in_file = in_file.trim();
        if let Some((column, _)) = self.renamed.iter().find(|(_, name)| name == in_file) {
            return NamedColumn::Known(*column);
        }
        // A column that was mapped to another name is not found by its own.
        match Column::from_name(in_file).filter(|column| self.renamed.iter().all(|(other, _)| other != column)) {
            Some(column) => NamedColumn::Known(column),
            None if REJECTED_COLUMNS.contains(&in_file) || self.unknown == UnknownColumns::Skipped => {
                NamedColumn::Skipped
            }
            None => NamedColumn::Unknown(advice(in_file)),
        }
    }
}

fn all_names() -> String {
    Column::ALL.map(Column::name).join(", ")
}

fn advice(in_file: &str) -> String {
    let shown: String = in_file.chars().filter(|character| !character.is_control()).take(60).collect();
    let closest = Column::ALL
        .into_iter()
        .map(|column| (strsim::damerau_levenshtein(column.name(), in_file), column))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= 2);
    let hint = match closest {
        Some((_, column)) => format!("did you mean {}? Otherwise name", column.name()),
        None => "name".to_owned(),
    };
    format!(
        "unknown column `{shown}`: {hint} the column that it holds, such as --column username=NAME, or skip all unknown \
         columns with --skip-unknown. The columns are {}",
        all_names()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(mappings: &[&str]) -> Result<ColumnMap, String> {
        let mappings: Vec<String> = mappings.iter().map(ToString::to_string).collect();
        ColumnMap::parse(&mappings, UnknownColumns::Rejected)
    }

    #[test]
    fn mapped_column_is_found_by_its_name_in_the_file_only() {
        let map = map(&["username=login", "password_hash=password"]).expect("valid");
        assert_eq!(map.find(" login "), NamedColumn::Known(Column::Username));
        assert_eq!(map.find("password"), NamedColumn::Known(Column::PasswordHash));
        assert_eq!(map.find("email"), NamedColumn::Known(Column::Email));
        assert!(matches!(map.find("username"), NamedColumn::Unknown(_)));
        assert_eq!(map.find("rejected_because"), NamedColumn::Skipped);
    }

    #[test]
    fn misspelt_column_gets_a_near_match() {
        let NamedColumn::Unknown(advice) = ColumnMap::default().find("emial") else { panic!("it is unknown") };
        assert!(advice.contains("did you mean email?"), "{advice}");
    }

    #[test]
    fn mapping_without_column_or_given_twice_is_an_error() {
        for mappings in
            [&["username"][..], &["username="], &["name=login"], &["email=a", "email=b"], &["id=a", "email=a"]]
        {
            assert!(map(mappings).is_err(), "{mappings:?}");
        }
    }
}
