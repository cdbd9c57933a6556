package signing

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// maxSeconds bounds timestamps at four billion years, which a time.Time can still represent.
// Python's integers have no bound: a later timestamp is accepted and read as this one.
const maxSeconds = 1 << 57

// appendBase62 appends n as Django's b62_encode writes it.
func appendBase62(b []byte, n int64) []byte {
	rest := uint64(n)
	if n < 0 {
		b, rest = append(b, '-'), -rest
	}
	var digits [11]byte // 62¹¹ > 2⁶⁴
	for i := len(digits) - 1; ; i-- {
		digits[i] = base62[rest%62]
		rest /= 62
		if rest == 0 {
			return append(b, digits[i:]...)
		}
	}
}

// parseBase62 reads what Django's b62_decode reads: a minus, leading zeros and, as 0, a minus
// alone.
func parseBase62(s []byte) (n int64, ok bool) {
	if len(s) == 0 {
		return 0, false
	}
	negative := s[0] == '-'
	if negative {
		s = s[1:]
	}
	for _, c := range s {
		digit, ok := base62Digit(c)
		if !ok {
			return 0, false
		}
		n = min(n*62+digit, maxSeconds)
	}
	if negative {
		n = -n
	}
	return n, true
}

func base62Digit(c byte) (int64, bool) {
	switch {
	case '0' <= c && c <= '9':
		return int64(c - '0'), true
	case 'A' <= c && c <= 'Z':
		return int64(c-'A') + 10, true
	case 'a' <= c && c <= 'z':
		return int64(c-'a') + 36, true
	}
	return 0, false
}
