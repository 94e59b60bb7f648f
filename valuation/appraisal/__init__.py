"""Appraisal (鉴定评估) by GB/T 30323: inspection, score, grade, value, signed report."""
