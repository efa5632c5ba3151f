//! The diagnostic codes: id, one-line title and the longer explanation that `hallmark check --explain CODE` prints.
//!
//! Ids are stable and never reused. `E0001`-`E0099` and `W0001`-`W0099` are the parser's,
//! `E0100`-`E0199` and `W0100`-`W0199` the checker's, `E0200`-`E0299` and `W0200`-`W0299` those of patterns.

/// What is known about a diagnostic code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// The id, such as `E0001`.
    pub id: &'static str,
    /// One line.
    pub title: &'static str,
    /// Why this is refused or warned about, and how to put it right.
    pub explanation: &'static str,
}

/// What is known about the code with this id; letters may be lower case.
pub fn explain(id: &str) -> Option<&'static Code> {
    ALL.iter().find(|code| code.id.eq_ignore_ascii_case(id))
}

macro_rules! codes {
    ($($name:ident $id:literal $title:literal $explanation:literal;)*) => {
        $(
            #[doc = $title]
            pub const $name: &str = $id;
        )*

        /// Every code, sorted by id.
        pub const ALL: &[Code] = &[$(Code { id: $id, title: $title, explanation: $explanation },)*];
    };
}

codes! {
    UNEXPECTED_TOKEN "E0001" "something else was expected here"
    "The text does not follow the grammar at this place. The message names what could have come next. \
The rule is left out; reading goes on with the next rule.";

    NOT_RULES "E0002" "this is not a rule file"
    "The file is binary or in an encoding other than UTF-8. Rules are text. Save the file as UTF-8, or leave it out of \
the folder being compiled.";

    SOURCE_TOO_LARGE "E0003" "the source file is too large"
    "One source file may have 256 MiB. Split it into several files and compile them together.";

    NOT_UTF8 "E0004" "bytes that are not UTF-8"
    "Regular expressions and names have to be UTF-8. To match other bytes write them as escapes, such as `\\xe9`. \
Comments, text patterns and metadata may hold any bytes.";

    UNEXPECTED_CHARACTER "E0005" "a character that means nothing here"
    "No token of the language begins with this character. Names consist of ASCII letters, digits and `_`; texts stand \
in straight double quotes (`\"`), which word processors like to replace with curly ones.";

    UNTERMINATED_TEXT "E0006" "a text without its closing quote"
    "A text begins and ends with `\"` on the same line. Write a quote within it as `\\\"` and a backslash at its end as \
`\\\\`. A text over several lines begins and ends with three quotes.";

    UNTERMINATED_REGEX "E0007" "a regular expression without its closing slash"
    "A regular expression begins and ends with `/` on the same line. Write a slash within it as `\\/`. \
In a condition, integers are divided with `\\`, not `/`.";

    UNTERMINATED_HEX "E0008" "a hex pattern without its closing brace"
    "A hex pattern begins with `{` and ends with `}`.";

    UNTERMINATED_COMMENT "E0009" "a comment without its end"
    "A comment that begins with `/*` ends with the next `*/`. Comments do not nest.";

    UNCLOSED_RULE "E0010" "a rule without its closing brace"
    "The file ended, or the next rule began, before the `}` that ends this rule.";

    MISSING_CONDITION "E0011" "a rule without a condition"
    "Every rule ends with a `condition:` section. A rule that holds for every file is written `condition: true`.";

    EMPTY_SECTION "E0012" "a section with nothing in it"
    "`meta:` and `strings:` hold at least one entry. Leave the section out when there is nothing to say in it.";

    MISPLACED_SECTION "E0013" "sections out of order, or one of them twice"
    "The sections of a rule are `meta`, `strings` and `condition`, in this order and each at most once.";

    UNKNOWN_MODIFIER "E0014" "an unknown pattern modifier"
    "The modifiers of patterns are `ascii`, `wide`, `nocase`, `fullword`, `private`, `xor`, `base64` and `base64wide`.";

    DUPLICATE_MODIFIER "E0015" "a pattern modifier given twice"
    "Each modifier may be given once for a pattern.";

    MODIFIER_ARGUMENT "E0016" "a modifier with an argument it can't have"
    "`xor` takes a key or a range of keys between 0 and 255, the lower one first: `xor(1)`, `xor(1-255)`. \
`base64` and `base64wide` take an alphabet as a text.";

    INVALID_ESCAPE "E0017" "an unknown escape in a text"
    "The escapes of texts are `\\\"`, `\\\\`, `\\t`, `\\n`, `\\r`, `\\0` and `\\x` with two hex digits. A backslash itself is \
written `\\\\`.";

    INVALID_NUMBER "E0018" "a number that can't be read or is too large"
    "Integers are decimal, hexadecimal (`0x1F`) or octal (`0o17`), may be followed by `KB` or `MB`, and have at most 64 \
bits. Negative ones go down to -9223372036854775808. `_` may separate digits.";

    INVALID_HEX "E0019" "a hex pattern that can't be read"
    "A hex pattern consists of bytes of two hex digits (`4D`), with `?` for a digit that may be any (`4?`, `??`), `~` in \
front of a byte that must not be there, jumps (`[4-8]`) and alternatives (`( 4D | 5A )`). It begins and ends with \
a byte or alternatives, and so does each alternative.";

    INVALID_JUMP "E0020" "a jump that can't be"
    "A jump is written `[n]`, `[n-m]` with n <= m, `[n-]` or `[-]`, and passes over at least one byte.";

    REGEX_FLAG "E0021" "an unknown flag of a regular expression"
    "The flags of a regular expression are `i` (upper and lower case are the same) and `s` (`.` matches line ends \
too).";

    FOREIGN_OPERATOR "E0022" "an operator of another language"
    "Equality is `==`; conditions are joined with `and`, `or` and `not`; integers are divided with `\\`.";

    TOO_DEEP "E0023" "an expression or pattern that nests too deep"
    "Nesting is limited so that no rule can exhaust the stack. Name parts of the condition as private rules, or join \
them with `and` and `or`, which may have any number of operands.";

    KEYWORD_AS_NAME "E0024" "a keyword where a name belongs"
    "Keywords can't name rules, tags, metadata or variables. Add a letter or an underscore.";

    TOO_MANY_ERRORS "E0025" "too many errors"
    "After a hundred errors the rest of the file is not read, or what else is wrong with it not shown. Put the first ones right \
and try again.";

    INVALID_SET "E0026" "a set that can't be used like this"
    "`them` and sets of patterns, such as `($a, $b*)`, may be followed by `at` or `in` and may follow `for … of`. Sets of \
rules and of conditions may do neither.";

    AMBIGUOUS_PERCENTAGE "E0027" "a percentage that needs parentheses"
    "`1 + 50% of them` might mean 51% or one more than a half. Write `(1 + 50)% of them`.";

    CONDITION_TOO_LONG "E0028" "a condition with too many parts"
    "A condition may have 524,288 operands and operators. Name parts of it as private rules, and refer to those.";

    UNKNOWN_NAME "E0100" "an identifier that nothing is called"
    "Conditions can name rules (above in the same file, or in other files of the namespace), imported modules, external \
variables given with `-d NAME=VALUE`, and the variables of loops around them.";

    UNKNOWN_PATTERN "E0101" "a pattern that the rule does not define"
    "Every `$name`, `#name`, `@name` and `!name` of a condition has to be defined under `strings`; a bare `$` stands for the \
current pattern of a `for … of` loop.";

    UNKNOWN_FIELD "E0102" "a field or function that a module does not have"
    "The message suggests the nearest name. `hallmark inspect --module NAME FILE` shows the fields of a module.";

    UNKNOWN_MODULE "E0103" "a module that this version does not have"
    "Rules that need the module are refused; with `--ignore-invalid-rules` they are listed and left out.";

    WRONG_TYPE "E0104" "a value of the wrong type"
    "The operator, function or position needs a value of another type.";

    MISMATCHED_TYPES "E0105" "two values whose types do not go together"
    "Integers can be compared with floats, and strings only with strings; the items of a list have one type.";

    WRONG_ARGUMENTS "E0106" "wrong arguments"
    "The function takes other arguments, in number or type, than it is called with.";

    NEGATIVE_NUMBER "E0107" "a negative number where none can be"
    "Offsets, indices, counts and shifts are not negative.";

    NUMBER_RANGE "E0108" "a number out of range"
    "Integers have 64 bits with a sign; percentages go up to 100.";

    INVALID_RANGE "E0109" "a range that ends before it begins"
    "In `(a..b)` both ends are included, and `a` must not be greater than `b`.";

    DUPLICATE_RULE "E0110" "two rules with one name"
    "Names of rules are unique within a namespace. Put the files into different namespaces (`ns:PATH` or \
`--path-as-namespace`), or rename one of the rules.";

    DUPLICATE_PATTERN "E0111" "two patterns with one name"
    "Names of patterns are unique within a rule; anonymous patterns are written `$`.";

    DUPLICATE_TAG "E0112" "a tag given twice"
    "A rule has each tag at most once.";

    UNUSED_PATTERN "E0113" "a pattern that the condition does not use"
    "A pattern that nothing uses is usually a mistake. Use it, remove it, or let its name begin with `$_`.";

    TOO_MANY_PATTERNS "E0114" "too many patterns in one rule"
    "One rule may have 100,000 patterns. Split it.";

    INVALID_MODIFIER "E0115" "a modifier that does not apply"
    "Hex patterns take `private`; regular expressions take `ascii`, `wide`, `nocase`, `fullword` and `private`; text \
patterns take all.";

    INVALID_MODIFIERS "E0116" "modifiers that do not go together"
    "`xor` and the base64 modifiers search transformed bytes, for which case and words mean nothing.";

    INVALID_BASE64 "E0117" "a base64 modifier that can't be"
    "An alphabet has 64 distinct ASCII characters, the same for `base64` and `base64wide`, and the text has at least three \
bytes.";

    EMPTY_PATTERN "E0118" "an empty text pattern"
    "An empty text would match everywhere.";

    INCLUDE_FAILED "E0119" "a file that can't be included"
    "Included files are looked up beside the including file, then in the folders of `--include-dir`; paths that lead out of \
them are refused.";

    INCLUDE_CYCLE "E0120" "includes that go in circles or too deep"
    "A file must not include itself, directly or through others.";

    BROKEN_REFERENCE "E0121" "a rule that needs a rule which is refused"
    "The other rule has errors of its own, or refers back to this one. Put that right first.";

    GLOBAL_REFERENCE "E0122" "a global rule that refers to one that is not"
    "Global rules are decided before all others of their namespace, so they can refer to global rules only.";

    INTERNAL "E0123" "an error of the compiler itself"
    "The compiler checks the image it wrote as strictly as an endpoint would, and refused its own. Please report this with \
the rules that led to it.";

    SETS_TOO_LARGE "E0124" "sets with too many members"
    "Sets of one rule may have 1,048,576 members, each counted as often as sets name it; those of all rules, but for sixteen \
for each pattern, 8,388,608. Name a large set once, in a private rule, and refer to that.";

    TOO_MANY_VALUES "E0125" "a condition that computes too many values at once"
    "The items of a list are all computed before the loop over it begins, and together with what stands around them a \
condition may hold 1,024 values. Split the list, and join the loops with `or` or `and`.";

    TOO_MANY_PROGRAMS "E0126" "large patterns that are too large together"
    "Counted repetitions, alternatives, `xor` and `base64` make large patterns of short texts. Each has a limit of its own, and together \
they may take 20 MiB, the first 4 KiB of each not counted. Lower the counts, or build the rules as several databases.";

    TOO_MANY_NAMESPACES "E0127" "more namespaces than a database may have"
    "A database may have 65,536 namespaces. Give several files one namespace, or build them as several databases.";

    INVALID_REGEX "E0200" "an invalid regular expression"
    "The label says which part can't be read. `--relaxed-re-syntax` accepts unknown escapes and unescaped braces.";

    MIXED_GREEDINESS "E0201" "greedy and non-greedy repetitions in one regular expression"
    "Which of two matches would be reported would be unclear. Use one kind throughout.";

    MATCHES_EMPTY "E0202" "a regular expression that matches the empty text"
    "It would match everywhere. Require at least one character.";

    UNSUPPORTED_ASSERTION "E0203" "an assertion that is not supported"
    "The assertions are `^`, `$`, `\\b` and `\\B`.";

    PATTERN_TOO_LARGE "E0204" "a pattern with too many states"
    "Counted repetitions and jumps are unrolled. Lower their counts, or split the pattern.";

    TOO_MANY_PIECES "E0205" "a hex pattern with too many jumps"
    "Split it into several patterns.";

    PATTERN_TOO_DEEP "E0206" "a pattern that nests too deep"
    "Write nested alternatives side by side.";

    PATTERN_TOO_SHORT "E0207" "a pattern that is too short"
    "It would match nearly everywhere. Look for something longer.";

    INVALID_HEX_PATTERN "E0208" "a hex pattern that can't be"
    "The label says which part can't be read.";

    NON_UTF8_TEXT "W0001" "a text with bytes that are not UTF-8"
    "The bytes are taken as they are. If the file was written in another encoding, the pattern will look for the bytes \
of that encoding; write them as escapes (`\\xe9`) to show that this is meant.";

    DUPLICATE_RULE_MODIFIER "W0002" "a rule modifier given twice"
    "`private` and `global` mean the same when repeated.";

    MORE_WARNINGS "W0003" "further warnings are not shown"
    "After a hundred warnings about one file the others are left out.";

    NOT_BOOLEAN "W0100" "a value used as a boolean"
    "Zero and the empty string are false, everything else is true. Say what you mean with a comparison.";

    ALWAYS_UNDEFINED "W0101" "an expression that is always undefined"
    "Matches are counted from 1 and offsets from 0; asking for others gives undefined, which is never true. So does a \
division by zero, and a shift by a negative number.";

    INVARIANT "W0102" "a condition that is always true or false"
    "It does not depend on the file: it is a constant, or asks for more than there can be. A set can't give more matches \
than it has members.";

    DEPRECATED "W0103" "a deprecated construct"
    "It still works; the help says what to write today.";

    ZERO_OF_SET "W0104" "none, written as zero"
    "`0 of` is true when nothing of the set matches, as `none of` is; it can be read as if any number would do. Write \
`none`.";

    BOOLEAN_AS_INTEGER "W0105" "a boolean compared with an integer"
    "True is 1 and false is 0, so that comparing with any other number is never true. Use the boolean as it is, or \
`not`.";

    DUPLICATE_IMPORT "W0106" "a module imported twice"
    "One import is enough for a file and what it includes.";

    DUPLICATE_PATTERN_VALUE "W0107" "two patterns that look for the same"
    "They are found together, so that a set such as `2 of them` counts both. Keep one of them.";

    GLOBAL_IN_CONDITION "W0108" "a global rule in a condition"
    "No rule of the namespace matches unless all its global rules do. To ask for one says nothing, and with `not` the \
condition can never be true.";

    SLOW_LOOP "W0109" "a loop whose length depends on the file"
    "From a constant to `filesize`, or to the number of matches of a pattern, is as far as a file makes it. Bound the \
end, as with `math.min(filesize, 4096)`, or look for the bytes with a pattern.";

    MANY_ITERATIONS "W0110" "a loop that runs very often"
    "Loops within loops multiply. More than a million steps for each file take longer than searching it.";

    UNSATISFIABLE "W0111" "an expression that is never true"
    "The two sides of the comparison have no value in common, whatever the file is; or several patterns would have to \
match at one offset. The labels say what each side can be.";

    UNUSED_VARIABLE "W0112" "a variable that nothing uses"
    "A loop whose body does not depend on its variable asks the same each time. If that is meant, let the name begin \
with `_`.";

    UNINTENDED_MEMBER "W0113" "a pattern that a set has by its name only"
    "`$s*` means `$s1` and `$s2`, and `$suspicious` too. Where the others are numbered and the condition uses that one \
by itself, this is seldom meant.";

    HIDDEN_NAME "W0114" "a rule with the name of a module or variable"
    "Conditions of rules below can't use the module, or the external variable, by that name any more. YARA-X refuses \
such a rule.";

    REDUNDANT_MODIFIER "W0115" "a modifier that says what is said already"
    "The flag `i` of a regular expression and `nocase` mean the same.";

    TEXT_AS_HEX "W0116" "a text written in hex"
    "All bytes of the pattern are readable characters. As a text it can be read, and means the same.";

    CONSECUTIVE_JUMPS "W0117" "jumps that follow each other"
    "Two jumps in a row are one: the sums of their shortest and longest lengths.";

    SLOW_PATTERN "W0200" "a pattern that is slow to search for"
    "A pattern is found by bytes in a row that its matches have. Without any, or with two that files are full of, every \
position of a file is tried. A longer text, or bytes instead of `?`, jumps and classes, helps; so does asking for \
the pattern at an offset.";
}

#[cfg(test)]
mod tests {
    use super::{ALL, explain};

    #[test]
    fn ids_are_unique_and_sorted() {
        assert!(ALL.windows(2).all(|pair| pair[0].id < pair[1].id));
        assert!(
            ALL.iter()
                .all(|code| code.id.len() == 5 && !code.title.is_empty() && !code.explanation.is_empty())
        );
    }

    #[test]
    fn explains_known_codes() {
        assert_eq!(explain("e0001").map(|code| code.id), Some("E0001"));
        assert_eq!(explain("E9999"), None);
    }
}
