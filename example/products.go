package main

import (
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"
)

// A product is something to buy. Its picture is static/<ID>.svg.
type product struct {
	ID, Name, About string
	Price           int // cents
}

var products = []product{
	{"notebook", "Notebook", "Dotted pages, sewn so that they lie flat.", 1450},
	{"pen", "Fountain pen", "A fine steel nib in a brass body.", 3900},
	{"ink", "Bottled ink", "Blue-black, made from oak galls. 50 ml.", 1180},
	{"pencils", "Six pencils", "Cedar, from 2H to 4B, in a tin.", 960},
	{"envelopes", "Envelopes", "Twenty, of cotton paper, lined in blue.", 720},
	{"ruler", "Ruler", "Thirty centimetres of pear wood.", 540},
}

func productByID(id string) (product, bool) {
	for _, p := range products {
		if p.ID == id {
			return p, true
		}
	}
	return product{}, false
}

func (s *shop) showProducts(c *gin.Context) {
	s.render(c, http.StatusOK, "products", "Paper and ink", products)
}

// money writes an amount in cents.
func money(cents int) string { return fmt.Sprintf("€%d.%02d", cents/100, cents%100) }
