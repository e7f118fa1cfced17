//! The fields of a table, declared once for their enum, names and order.

/// A field of a row.
pub trait Field: Copy + 'static {
    /// All fields of the table, in the order in which messages list them.
    const ALL: &'static [Self];

    /// The name in the file.
    fn name(self) -> &'static str;
}

/// Declares the fields of a table. The names come from the enum, and reading matches on the enum: a field that a file
/// may have and that is not read does not compile.
macro_rules! fields {
    ($(#[$enum_doc:meta])* $Enum:ident { $($(#[$doc:meta])* $Variant:ident = $name:literal,)+ }) => {
        $(#[$enum_doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $Enum { $($(#[$doc])* $Variant,)+ }

        impl $crate::seed::field::Field for $Enum {
            const ALL: &'static [Self] = &[$(Self::$Variant,)+];

            fn name(self) -> &'static str {
                match self { $(Self::$Variant => $name,)+ }
            }
        }

        impl serde::Serialize for $Enum {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str($crate::seed::field::Field::name(*self))
            }
        }
    };
}
pub(super) use fields;
