"""Disclosure control: could a person be told apart in a release, or by comparing it with earlier ones?"""
