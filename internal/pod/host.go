package pod

import "strings"

// What a host name may be long, and each of its parts (RFC 1123).
const (
	longestHost = 253
	longestPart = 63
)

// Loopback is the address at which the components of a pod reach each other.
const Loopback = "127.0.0.1"

// ofHosts are the characters of host names, and the underscore.
const ofHosts = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"

// NoHostName says why components cannot find each other by a name, nothing if they can. An
// underscore is no part of a host name, but resolvers find such names in a hosts file.
func NoHostName(name string) (why string) {
	switch {
	case name == "" || strings.ContainsFunc(name, func(r rune) bool { return !strings.ContainsRune(ofHosts, r) }):
		return "is no host name; use letters, digits, _ . and -"
	case len(name) > longestHost:
		return "is too long for a host name"
	case strings.Trim(name, "0123456789.") == "":
		return "is a number, which programs take for an address"
	}
	for part := range strings.SplitSeq(name, ".") {
		switch {
		case part == "":
			return "is no host name; there is nothing before a dot, or behind one"
		case len(part) > longestPart:
			return "is no host name; a part of it is too long"
		case strings.HasPrefix(part, "-") || strings.HasSuffix(part, "-"):
			return "is no host name; no part of one begins or ends with -"
		}
	}
	return ""
}
