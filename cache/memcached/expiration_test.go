package memcached

import (
	"math"
	"testing"
	"time"
)

// An internal test, because memcached does not report the expiration it was given.
func TestExpiration(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	const day = 24 * time.Hour
	for ttl, want := range map[time.Duration]int32{
		-time.Second:            1,
		0:                       1,
		time.Nanosecond:         1,
		time.Second:             1,
		time.Second + 1:         2,
		30 * day:                30 * 86400,
		30*day + 1:              1_800_000_000 + 30*86400 + 1,
		60 * day:                1_800_000_000 + 60*86400,
		100 * 365 * day:         math.MaxInt32, // memcached's clock ends in 2038
		math.MaxInt64 - 1000000: math.MaxInt32,
	} {
		if got := expiration(ttl, now); got != want {
			t.Errorf("expiration(%v) = %d; want %d", ttl, got, want)
		}
	}
}
