/// Finds the name that was meant.
package enum NearNames {
    /// `; did you mean ipvsScheduler?`, or nothing where no name is near.
    package static func suggestion(for name: String, among names: some Sequence<String>) -> String {
        nearest(to: name, among: names).map { "; did you mean \($0)?" } ?? ""
    }

    /// The nearest of several names, where it is near enough to have been meant.
    package static func nearest(to name: String, among names: some Sequence<String>) -> String? {
        let nearest = names.lazy.map { (name: $0, distance: distance(name.lowercased(), $0.lowercased())) }.min {
            $0.distance < $1.distance
        }
        guard let nearest, nearest.distance <= max(2, name.utf8.count / 3) else { return nil }
        return nearest.name
    }

    /// How many letters have to be changed, added or removed to make one text the other (Levenshtein's distance).
    private static func distance(_ left: String, _ right: String) -> Int {
        // Names are short; a long one is not near any.
        guard left.utf8.count <= 80, right.utf8.count <= 200 else { return .max }
        let right = Array(right.utf8)
        var row = Array(0...right.count)
        for (index, letter) in left.utf8.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for column in right.indices {
                let replaced = diagonal + (right[column] == letter ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(replaced, diagonal + 1, row[column] + 1)
            }
        }
        return row[right.count]
    }
}
