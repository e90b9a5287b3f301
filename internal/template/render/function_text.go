package render

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/adler32"
	"path"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// ofText are those about text.
var ofText = map[string]function{
	"trim":       onText("TEXT", 1, func(a []string) (any, error) { return strings.TrimSpace(a[0]), nil }),
	"trimAll":    onText("CHARACTERS TEXT", 2, func(a []string) (any, error) { return strings.Trim(a[1], a[0]), nil }),
	"trimPrefix": onText("START TEXT", 2, func(a []string) (any, error) { return strings.TrimPrefix(a[1], a[0]), nil }),
	"trimSuffix": onText("END TEXT", 2, func(a []string) (any, error) { return strings.TrimSuffix(a[1], a[0]), nil }),
	"hasPrefix":  onText("START TEXT", 2, func(a []string) (any, error) { return strings.HasPrefix(a[1], a[0]), nil }),
	"hasSuffix":  onText("END TEXT", 2, func(a []string) (any, error) { return strings.HasSuffix(a[1], a[0]), nil }),
	"upper":      onText("TEXT", 1, func(a []string) (any, error) { return strings.ToUpper(a[0]), nil }),
	"lower":      onText("TEXT", 1, func(a []string) (any, error) { return strings.ToLower(a[0]), nil }),
	"title":      onText("TEXT", 1, func(a []string) (any, error) { return eachWord(a[0], unicode.ToTitle), nil }),
	"untitle":    onText("TEXT", 1, func(a []string) (any, error) { return eachWord(a[0], unicode.ToLower), nil }),
	"nospace":    onText("TEXT", 1, func(a []string) (any, error) { return strings.Join(strings.Fields(a[0]), ""), nil }),
	"repeat":     onNumberAndText("N TEXT", repeat),
	"trunc":      onNumberAndText("N TEXT", trunc),
	"nindent": onNumberAndText("N TEXT", func(n int, s string) (any, error) {
		s, err := asText(indent(n, s))
		return "\n" + s, err
	}),
	"quote":  {form: "TEXT...", max: -1, lenient: true, do: func(a []any) (any, error) { return inQuotes(a, strconv.Quote), nil }},
	"squote": {form: "TEXT...", max: -1, lenient: true, do: func(a []any) (any, error) { return inQuotes(a, inSingle), nil }},
	"cat": {form: "TEXT...", max: -1, do: func(a []any) (any, error) {
		all, err := texts(a)
		return strings.Join(all, " "), err
	}},
	"snakecase": onText("TEXT", 1, func(a []string) (any, error) { return strings.Join(words(a[0]), "_"), nil }),
	"kebabcase": onText("TEXT", 1, func(a []string) (any, error) { return strings.Join(words(a[0]), "-"), nil }),
	"splitList": onText("AT TEXT", 2, func(a []string) (any, error) { return listOf(strings.Split(a[1], a[0])) }),
	"toString":  {form: "VALUE", min: 1, max: 1, do: func(a []any) (any, error) { return fmt.Sprint(a[0]), nil }},
	"base":      onText("PATH", 1, func(a []string) (any, error) { return path.Base(a[0]), nil }),
	"dir":       onText("PATH", 1, func(a []string) (any, error) { return path.Dir(a[0]), nil }),
	"ext":       onText("PATH", 1, func(a []string) (any, error) { return path.Ext(a[0]), nil }),
	"clean":     onText("PATH", 1, func(a []string) (any, error) { return path.Clean(a[0]), nil }),
	"isAbs":     onText("PATH", 1, func(a []string) (any, error) { return path.IsAbs(a[0]), nil }),

	"regexMatch":      onText("PATTERN TEXT", 2, withRegexp(func(r *regexp.Regexp, a []string) any { return r.MatchString(a[1]) })),
	"regexFind":       onText("PATTERN TEXT", 2, withRegexp(func(r *regexp.Regexp, a []string) any { return r.FindString(a[1]) })),
	"regexReplaceAll": onText("PATTERN TEXT NEW", 3, withRegexp(func(r *regexp.Regexp, a []string) any { return r.ReplaceAllString(a[1], a[2]) })),
	"regexReplaceAllLiteral": onText("PATTERN TEXT NEW", 3, withRegexp(func(r *regexp.Regexp, a []string) any {
		return r.ReplaceAllLiteralString(a[1], a[2])
	})),
	"regexQuoteMeta": onText("TEXT", 1, func(a []string) (any, error) { return regexp.QuoteMeta(a[0]), nil }),

	"b64enc":  onText("TEXT", 1, func(a []string) (any, error) { return base64.StdEncoding.EncodeToString([]byte(a[0])), nil }),
	"b64dec":  onText("TEXT", 1, b64dec),
	"sha1sum": onText("TEXT", 1, func(a []string) (any, error) { sum := sha1.Sum([]byte(a[0])); return hex.EncodeToString(sum[:]), nil }),
	"sha256sum": onText("TEXT", 1, func(a []string) (any, error) {
		sum := sha256.Sum256([]byte(a[0]))
		return hex.EncodeToString(sum[:]), nil
	}),
	"sha512sum": onText("TEXT", 1, func(a []string) (any, error) {
		sum := sha512.Sum512([]byte(a[0]))
		return hex.EncodeToString(sum[:]), nil
	}),
	"adler32sum": onText("TEXT", 1, func(a []string) (any, error) {
		return strconv.FormatUint(uint64(adler32.Checksum([]byte(a[0]))), 10), nil
	}),
}

// asText is text, of what returns it.
func asText(value any, err error) (string, error) {
	if err != nil {
		return "", err
	}
	return text(value)
}

// listOf is text as a list.
func listOf(all []string) (any, error) {
	if len(all) > mostListing {
		return nil, errTooMany
	}
	items := make([]any, 0, len(all))
	for _, s := range all {
		items = append(items, s)
	}
	return items, nil
}

// eachWord changes the first letter of each word.
func eachWord(s string, change func(rune) rune) string {
	before := ' '
	return strings.Map(func(r rune) rune {
		first := unicode.IsSpace(before)
		before = r
		if first {
			return change(r)
		}
		return r
	}, s)
}

// words are those of a name in any of the ways to write one, in small letters.
func words(s string) []string {
	var all []string
	runes := []rune(s)
	from := 0
	end := func(to int) {
		if to > from {
			all = append(all, strings.ToLower(string(runes[from:to])))
		}
	}
	for i, r := range runes {
		switch {
		case r == '_' || r == '-' || r == ' ' || r == '.':
			end(i)
			from = i + 1
		case i > from && unicode.IsUpper(r) && !unicode.IsUpper(runes[i-1]):
			end(i)
			from = i
		case i > from+1 && unicode.IsLower(r) && unicode.IsUpper(runes[i-1]):
			end(i - 1)
			from = i - 1
		}
	}
	end(len(runes))
	return all
}

// inSingle is text in single quotes.
func inSingle(s string) string { return "'" + s + "'" }

// inQuotes are values in quotes, without those that are not there.
func inQuotes(values []any, quote func(string) string) string {
	var all []string
	for _, value := range values {
		if value != nil {
			all = append(all, quote(fmt.Sprint(value)))
		}
	}
	return strings.Join(all, " ")
}

func repeat(n int, s string) (any, error) {
	if n < 0 || n*max(len(s), 1) > mostOutput || n > mostOutput {
		return nil, errTooMany
	}
	return strings.Repeat(s, n), nil
}

// trunc is the beginning of a text, or its end where n is below 0.
func trunc(n int, s string) (any, error) {
	switch {
	case n >= 0 && n < len(s):
		s = s[:n]
	case n < 0 && -n < len(s):
		s = s[len(s)+n:]
	}
	return strings.ToValidUTF8(s, ""), nil
}

// withRegexp is a function of a pattern and text.
func withRegexp(do func(r *regexp.Regexp, a []string) any) func(a []string) (any, error) {
	return func(a []string) (any, error) {
		if len(a) == 3 && len(a[1])*len(a[2]) > mostOutput {
			return nil, errTooMany
		}
		r, err := regexp.Compile(a[0])
		if err != nil {
			return nil, errors.New(strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		}
		return do(r, a), nil
	}
}

func b64dec(a []string) (any, error) {
	data, err := base64.StdEncoding.DecodeString(a[0])
	if err != nil {
		return nil, errors.New("that is no base64")
	}
	return strings.ToValidUTF8(string(data), "\uFFFD"), nil
}
