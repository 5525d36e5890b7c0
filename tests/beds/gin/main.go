package main

import (
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"
)

// Total is what so many of a price cost.
func Total(price, count int) int {
	return price * count
}

func router() *gin.Engine {
	engine := gin.New()
	engine.GET("/health", func(c *gin.Context) { c.JSON(http.StatusOK, gin.H{"status": "ok"}) })
	engine.GET("/total/:price/:count", func(c *gin.Context) {
		price, err := strconv.Atoi(c.Param("price"))
		if err != nil {
			c.JSON(http.StatusBadRequest, gin.H{"error": "price is a number"})
			return
		}
		count, err := strconv.Atoi(c.Param("count"))
		if err != nil {
			c.JSON(http.StatusBadRequest, gin.H{"error": "count is a number"})
			return
		}
		c.JSON(http.StatusOK, gin.H{"total": Total(price, count)})
	})
	return engine
}

func main() {
	if err := router().Run(); err != nil {
		panic(err)
	}
}
