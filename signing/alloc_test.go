//go:build !race

package signing_test

import (
	"testing"

	"github.com/ginsession/ginsession/signing"
)

// The race detector makes a sync.Pool forget at random, hence the build tag.
func TestAllocations(t *testing.T) {
	for name, compress := range map[string]bool{"plain": false, "compressed": true} {
		s := newTimestampSigner(t, signing.Config{SecretKey: secret, Compress: compress})
		record, signed := []byte(record), make([]byte, 0, 1024)
		data := make([]byte, 0, 1024)
		allocs := testing.AllocsPerRun(100, func() {
			signed = s.AppendDumps(signed[:0], record, signedAt)
			data, _, _ = s.AppendLoads(data[:0], signed, signedAt, 0)
		})
		if allocs != 0 {
			t.Errorf("%s: AppendDumps and AppendLoads into room that suffices: %v allocations, want 0", name, allocs)
		}
	}
}
