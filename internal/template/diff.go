package template

import "strings"

// Diff is how two texts differ, line by line: what is only in the first one begins with -, what is
// only in the second one with +, and some lines around it with a space.
func Diff(before, after string) string {
	a, b := strings.SplitAfter(before, "\n"), strings.SplitAfter(after, "\n")
	first := 0
	for first < len(a) && first < len(b) && a[first] == b[first] {
		first++
	}
	last := 0
	for last < len(a)-first && last < len(b)-first && a[len(a)-1-last] == b[len(b)-1-last] {
		last++
	}
	const around = 2
	var text strings.Builder
	write := func(mark string, lines []string) {
		for _, line := range lines {
			if line != "" {
				text.WriteString(mark + strings.TrimSuffix(line, "\n") + "\n")
			}
		}
	}
	write(" ", a[max(0, first-around):first])
	write("-", a[first:len(a)-last])
	write("+", b[first:len(b)-last])
	write(" ", a[len(a)-last:min(len(a), len(a)-last+around)])
	return text.String()
}
