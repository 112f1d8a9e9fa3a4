/// The words of a rule, as `iptables-restore` divides a line (`add_param_to_argv` in iptables' `xshared.c`): at spaces and tabs, except within
/// double quotes, where a backslash makes the next character an ordinary one.
package enum RuleWords {
    /// The words of a line; nil where a quote is not closed.
    package static func split(_ line: some StringProtocol) -> [String]? {
        var words: [String] = []
        var word = ""
        var (isQuoted, isEscaped, isWord) = (false, false, false)
        // By scalar: a carriage return and a newline, or a letter and an accent, are two here as they are there.
        for scalar in line.unicodeScalars {
            if isEscaped {
                word.unicodeScalars.append(scalar)
                isEscaped = false
            } else if isQuoted, scalar == "\\" {
                isEscaped = true
            } else if scalar == "\"" {
                isQuoted.toggle()
                isWord = true
            } else if !isQuoted, scalar == " " || scalar == "\t" {
                if isWord { words.append(word) }
                (word, isWord) = ("", false)
            } else {
                word.unicodeScalars.append(scalar)
                isWord = true
            }
        }
        if isQuoted || isEscaped { return nil }
        return isWord ? words + [word] : words
    }

    /// The words as one line, each quoted where `iptables-save` quotes it (`xtables_save_string` in `xtables.c`): unless it is made of
    /// letters, digits, and the few signs that mean nothing special.
    static func join(_ words: some Sequence<String>) -> String {
        words.map(quoted).joined(separator: " ")
    }

    private static func quoted(_ word: String) -> String {
        // `!` and `,` and `:` and so on stand outside quotes in what the tools print of options other than comments.
        let needsQuotes = word.isEmpty || word.unicodeScalars.contains { $0 == " " || $0 == "\t" || $0 == "\"" || $0 == "'" || $0 == "\\" }
        guard needsQuotes else { return word }
        var text = "\""
        for scalar in word.unicodeScalars {
            if scalar == "\"" || scalar == "\\" || scalar == "'" { text += "\\" }
            text.unicodeScalars.append(scalar)
        }
        return text + "\""
    }
}

/// One way of writing a rule, in which rules that say the same are the same letter by letter.
package enum CanonicalRule {
    /// The rule as we write it: single spaces, and quotes only where a word needs them.
    ///
    /// Both back ends of iptables 1.8.9 print kube-proxy's rules alike; what differs between versions is which words of a comment they
    /// quote. A line that cannot be divided into words is returned as it is.
    package static func text(_ rule: some StringProtocol) -> String {
        RuleWords.split(rule).map { RuleWords.join($0) } ?? String(rule)
    }
}
