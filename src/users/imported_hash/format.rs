//! The formats of password hashes that other systems write.

/// A format in which another system stores a password hash. It decides how the text is read and which bytes of the
/// password count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HashFormat {
    /// The PHC string of Argon2i, Argon2d or Argon2id: `$argon2id$v=19$m=…,t=…,p=…$salt$output`.
    Argon2,
    /// `$2a$`, `$2b$`, `$2x$` or `$2y$`, also after Spring's `{bcrypt}`; htpasswd and passlib write it too.
    Bcrypt,
    /// Django's `argon2$argon2id$…`.
    DjangoArgon2,
    /// Django's `bcrypt$$2b$…`.
    DjangoBcrypt,
    /// Django's `bcrypt_sha256$$2b$…`: bcrypt of the hexadecimal SHA-256.
    DjangoBcryptSha256,
    /// Django's `pbkdf2_sha256$rounds$salt$output`.
    DjangoPbkdf2Sha256,
    /// Django's `pbkdf2_sha1$rounds$salt$output`.
    DjangoPbkdf2Sha1,
    /// Django's `scrypt$N$salt$r$p$output`.
    DjangoScrypt,
    /// passlib's `$pbkdf2$`, `$pbkdf2-sha256$` or `$pbkdf2-sha512$`.
    PasslibPbkdf2,
    /// passlib's `$bcrypt-sha256$`, versions 1 and 2.
    PasslibBcryptSha256,
    /// passlib's `$scrypt$ln=…,r=…,p=…$salt$output`.
    PasslibScrypt,
    /// sha256-crypt (`$5$`) and sha512-crypt (`$6$`).
    ShaCrypt,
    /// Werkzeug's `scrypt:N:r:p$salt$output`.
    WerkzeugScrypt,
    /// Werkzeug's `pbkdf2:digest:rounds$salt$output`.
    WerkzeugPbkdf2,
    /// `$wp$2y$…` of WordPress 6.8: bcrypt of an HMAC-SHA384.
    Wordpress,
    /// `$P$…` of WordPress before 6.8, which trims passwords.
    WordpressPhpass,
    /// `$H$…` of phpBB; the format must be named for a `$P$…` of any other system than WordPress.
    Phpass,
    /// `$apr1$` of htpasswd and `$1$` of Unix: md5-crypt.
    Md5Crypt,
    /// Drupal's `$S$…`.
    Drupal,
    /// The base64 text of ASP.NET Core Identity, version 3, and with the format named also version 2.
    AspnetIdentity,
    /// A Keycloak credential with PBKDF2: `algorithm$iterations$salt$value`.
    KeycloakPbkdf2,
    /// Firebase's modified scrypt: `salt:hash`, with the parameters of the project.
    Firebase,
    /// `salt:output` of better-auth, in hexadecimal digits.
    BetterAuth,
}

impl HashFormat {
    /// All formats.
    pub const ALL: [Self; 23] = [
        Self::Argon2,
        Self::Bcrypt,
        Self::DjangoArgon2,
        Self::DjangoBcrypt,
        Self::DjangoBcryptSha256,
        Self::DjangoPbkdf2Sha256,
        Self::DjangoPbkdf2Sha1,
        Self::DjangoScrypt,
        Self::PasslibPbkdf2,
        Self::PasslibBcryptSha256,
        Self::PasslibScrypt,
        Self::ShaCrypt,
        Self::WerkzeugScrypt,
        Self::WerkzeugPbkdf2,
        Self::Wordpress,
        Self::WordpressPhpass,
        Self::Phpass,
        Self::Md5Crypt,
        Self::Drupal,
        Self::AspnetIdentity,
        Self::KeycloakPbkdf2,
        Self::Firebase,
        Self::BetterAuth,
    ];

    /// The name in options, reports and stored hashes.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Argon2 => "argon2",
            Self::Bcrypt => "bcrypt",
            Self::DjangoArgon2 => "django-argon2",
            Self::DjangoBcrypt => "django-bcrypt",
            Self::DjangoBcryptSha256 => "django-bcrypt-sha256",
            Self::DjangoPbkdf2Sha256 => "django-pbkdf2-sha256",
            Self::DjangoPbkdf2Sha1 => "django-pbkdf2-sha1",
            Self::DjangoScrypt => "django-scrypt",
            Self::PasslibPbkdf2 => "passlib-pbkdf2",
            Self::PasslibBcryptSha256 => "passlib-bcrypt-sha256",
            Self::PasslibScrypt => "passlib-scrypt",
            Self::ShaCrypt => "sha-crypt",
            Self::WerkzeugScrypt => "werkzeug-scrypt",
            Self::WerkzeugPbkdf2 => "werkzeug-pbkdf2",
            Self::Wordpress => "wordpress",
            Self::WordpressPhpass => "wordpress-phpass",
            Self::Phpass => "phpass",
            Self::Md5Crypt => "md5-crypt",
            Self::Drupal => "drupal",
            Self::AspnetIdentity => "aspnet-identity",
            Self::KeycloakPbkdf2 => "keycloak-pbkdf2",
            Self::Firebase => "firebase",
            Self::BetterAuth => "better-auth",
        }
    }

    /// The format with this name.
    #[must_use]
    pub fn parse_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// The format that a hash shows by its prefix. Firebase, Keycloak and better-auth write none.
    #[must_use]
    pub fn recognize(text: &str) -> Option<Self> {
        const PREFIXES: [(&str, HashFormat); 28] = [
            ("$argon2", HashFormat::Argon2),
            ("$2a$", HashFormat::Bcrypt),
            ("$2b$", HashFormat::Bcrypt),
            ("$2x$", HashFormat::Bcrypt),
            ("$2y$", HashFormat::Bcrypt),
            ("{bcrypt}", HashFormat::Bcrypt),
            ("argon2$", HashFormat::DjangoArgon2),
            ("bcrypt$", HashFormat::DjangoBcrypt),
            ("bcrypt_sha256$", HashFormat::DjangoBcryptSha256),
            ("pbkdf2_sha256$", HashFormat::DjangoPbkdf2Sha256),
            ("pbkdf2_sha1$", HashFormat::DjangoPbkdf2Sha1),
            ("scrypt$", HashFormat::DjangoScrypt),
            ("$pbkdf2$", HashFormat::PasslibPbkdf2),
            ("$pbkdf2-sha256$", HashFormat::PasslibPbkdf2),
            ("$pbkdf2-sha512$", HashFormat::PasslibPbkdf2),
            ("$bcrypt-sha256$", HashFormat::PasslibBcryptSha256),
            ("$scrypt$", HashFormat::PasslibScrypt),
            ("$5$", HashFormat::ShaCrypt),
            ("$6$", HashFormat::ShaCrypt),
            ("scrypt:", HashFormat::WerkzeugScrypt),
            ("pbkdf2:", HashFormat::WerkzeugPbkdf2),
            ("$wp$", HashFormat::Wordpress),
            ("$P$", HashFormat::WordpressPhpass),
            ("$H$", HashFormat::Phpass),
            ("$apr1$", HashFormat::Md5Crypt),
            ("$1$", HashFormat::Md5Crypt),
            ("$S$", HashFormat::Drupal),
            // The version byte 1 and the three high bytes of the number of the digest, which is at most 2.
            ("AQAAAA", HashFormat::AspnetIdentity),
        ];
        PREFIXES.iter().find(|(prefix, _)| text.starts_with(prefix)).map(|(_, format)| *format)
    }
}
