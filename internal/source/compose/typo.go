package compose

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/podlike/podlike/internal/pod"
)

// Edits counts the letters that have to be added, left out, changed or swapped with the next
// one to make one word of the other.
func Edits(a, b string) int {
	from, to := []rune(a), []rune(b)
	// rows hold the edits between the first i letters of one word and the first j of the
	// other: the row before the last, the last one, and this one.
	rows := [3][]int{make([]int, len(to)+1), make([]int, len(to)+1), make([]int, len(to)+1)}
	for j := range rows[1] {
		rows[1][j] = j
	}
	for i := 1; i <= len(from); i++ {
		rows[2][0] = i
		for j := 1; j <= len(to); j++ {
			changed := 1
			if from[i-1] == to[j-1] {
				changed = 0
			}
			rows[2][j] = min(rows[1][j]+1, rows[2][j-1]+1, rows[1][j-1]+changed)
			if i > 1 && j > 1 && from[i-1] == to[j-2] && from[i-2] == to[j-1] {
				rows[2][j] = min(rows[2][j], rows[0][j-2]+1)
			}
		}
		rows = [3][]int{rows[1], rows[2], rows[0]}
	}
	return rows[1][len(to)]
}

// mostEdits is how many edits a slip of the fingers may be.
const mostEdits = 2

// Nearest is the known word that was probably meant by an unknown one, nothing if none is
// near: a dash for an underscore, capitals, an edit in every three letters, or another ending.
func Nearest(word string, known []string) string {
	best, least := "", mostEdits+1
	for _, k := range slices.Sorted(slices.Values(known)) {
		edits := Edits(bare(word), bare(k))
		if otherEnding(bare(word), bare(k)) {
			edits = min(edits, 1)
		}
		if edits < least && edits <= len(bare(word))/3 {
			best, least = k, edits
		}
	}
	return best
}

// otherEnding tells whether words differ in what follows the last letter but one of the
// shorter one, as retry and retries do.
func otherEnding(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	const most = 3
	return len(a) > most && strings.HasPrefix(b, a[:len(a)-1]) && len(b)-len(a) < most
}

// bare is a word without what separates its parts, in small letters.
func bare(word string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(word))
}

// didYouMean is what follows a complaint about an unknown word: the known one that was
// probably meant, or else other words.
func didYouMean(word string, known []string, otherwise string) string {
	if i := strings.IndexFunc(word, pod.IsInvisible); i >= 0 {
		r, _ := utf8.DecodeRuneInString(word[i:])
		return fmt.Sprintf("; delete the invisible character %U in it", r)
	}
	if meant := Nearest(word, known); meant != "" {
		return "; did you mean " + meant + "?"
	}
	return otherwise
}
