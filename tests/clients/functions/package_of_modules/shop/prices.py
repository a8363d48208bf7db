PRICES = {"tea": 450, "coffee": 520}
