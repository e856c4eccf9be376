"""The bodies that ecosystem.ai's page prints, and the models that they name.

Imports nothing of the server: its clients are tested in environments without it.
"""

from typing import Any

SPEND = "spend_risk_xgboost_v1"
PERSONALITY = "customer_personality_lightgbm_v1"

SPENDER: dict[str, Any] = {
    "amount_sum": 24500,
    "amount_mean": 322,
    "amount_std": 215,
    "declined_count": 4,
    "is_high_risk_categories": ["gambling"],
}
CUSTOMER: dict[str, Any] = {
    "age_band": "35_44",
    "gender": "F",
    "income_band": "high",
    "region": "metro",
    "life_stage": "family",
    "marital_status": "married",
    "dependents": 2,
    "tenure_months": 84,
}
CALL: dict[str, Any] = {
    "campaign": "customer_personality",
    "sub-campaign": "lightgbm",
    "channel": "web",
    "responses": 1,
    "in_params": {
        "input": ["age_band", "gender", "income_band", "region", "life_stage"],
        "value": ["35_44", "F", "high", "metro", "family"],
    },
}
