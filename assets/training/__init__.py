"""Training: frames become a panel, a panel a fitted model, and the model forecasts."""
