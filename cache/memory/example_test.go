package memory_test

import (
	"context"
	"fmt"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cache/memory"
)

func Example() {
	r := gin.New()
	r.Use(ginsession.New(ginsession.Config{Engine: ginsession.Cached(memory.New())}))
}

// A cache is good for other things too.
func ExampleNew() {
	cache := memory.New(memory.MaxBytes(256 << 20))
	defer cache.Close()

	ctx := context.Background()
	cache.Add(ctx, "key", []byte("one"), time.Hour)
	swapped, _ := cache.CompareAndSwap(ctx, "key", []byte("one"), []byte("two"), time.Hour)
	value, ok, _ := cache.Get(ctx, "key")
	fmt.Println(swapped, string(value), ok)
	// Output: true two true
}
